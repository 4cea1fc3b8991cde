"""Where coroutine bodies run: in one event loop, which hands the outcomes to the inbox.

Imported only where there are such bodies: asyncio takes a while to import.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from squidie_core.runtime.attempts import Attempt, Flag, Outcome, OverdueError, Released
from squidie_core.runtime.bodies import Inbox
from squidie_core.runtime.running import arguments_of, current_attempt, failure_of, outcome_of

_log = logging.getLogger("squidie.worker")
_LEAVING = 1.0
"""Seconds that cancelled bodies have before their loop is closed."""


class Host:
    """The task on whose behalf bodies run. What it was told before this was made is over."""

    __slots__ = ("_before", "_task")

    def __init__(self, task: asyncio.Task[Any]) -> None:
        self._task = task
        self._before = task.cancelling()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """Where it runs."""
        return self._task.get_loop()

    @property
    def is_cancelled(self) -> bool:
        """Whether somebody called its `cancel` since."""
        return self._task.cancelling() > self._before

    @property
    def is_leaving(self) -> bool:
        """Whether it waits for nothing more, or was asked not to."""
        return self._task.done() or self.is_cancelled


async def run_coroutine(
    attempt: Attempt, resources: Mapping[type, object], told: Flag, host: Host | None = None
) -> Outcome:
    """Await a coroutine body in the running loop, in a task of its own.

    `told`: somebody here has cancelled the task; what the body then gives or raises counts for nothing. `host` is on
    whose behalf the body runs: where both are cancelled at once, the loop is on its way out, and the body is only
    interrupted. A CancelledError of any other origin is its own failure.
    """
    body = attempt.body
    assert body is not None, "only attempts with a coroutine body come here"  # noqa: S101
    began = time.perf_counter() if attempt.timed else 0.0
    current_attempt.set(attempt)
    outcome: Outcome
    try:
        outcome = outcome_of(attempt, body, await body.function(**arguments_of(attempt, body, resources)))
    except asyncio.CancelledError as error:
        interrupted = host is not None and host.is_leaving and _is_cancelled(asyncio.current_task())
        outcome = Released() if interrupted else failure_of(attempt, error, resources.values())
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  # what a body raises is its failure, SystemExit included
        outcome = failure_of(attempt, error, resources.values())
    finally:
        if attempt.overdue_at is not None:
            attempt.over_at = time.monotonic()
        if attempt.timed:
            attempt.ran = time.perf_counter() - began
    return Released() if told.is_set() else outcome


def _is_cancelled(task: asyncio.Task[Any] | None) -> bool:
    """Whether somebody called its `cancel`, rather than the task meeting a CancelledError by itself."""
    return task is not None and task.cancelling() > 0


def run_to_end(coroutine: Coroutine[Any, Any, object], until: float | None = None) -> object:
    """Run the coroutine in an event loop of its own: in this thread, or beside the loop that runs here already.

    It is cancelled at `until`, in monotonic seconds, and where it gives in OverdueError is raised.
    """
    if until is not None:
        coroutine = _within(coroutine, until)
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(contextvars.copy_context().run, asyncio.run, coroutine).result()


async def _within(coroutine: Coroutine[Any, Any, object], until: float) -> object:
    limit = asyncio.timeout(until - time.monotonic())
    try:
        async with limit:
            return await coroutine
    except TimeoutError:
        if limit.expired():
            raise OverdueError from None
        raise


class CoroutineBodies:
    """One event loop: the host's, or one in a thread of its own that is started when it is first needed.

    Its methods belong to the worker's thread. A body that does not end when it is cancelled keeps its place.
    """

    def __init__(self, inbox: Inbox, resources: Mapping[type, object]) -> None:
        self._inbox = inbox
        self._resources = resources
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._host: Host | None = None
        self._on_leaving: Callable[[], None] | None = None
        self._tasks: dict[tuple[str, str], tuple[asyncio.Task[Outcome], Flag]] = {}
        """Touched by the loop alone."""

    def lend(self, task: asyncio.Task[Any], on_leaving: Callable[[], None]) -> None:
        """Before anything runs: run the bodies in the task's loop, which is the host's to end, and on its behalf.

        `on_leaving` is called, at least once, before the first outcome is handed in after the task was cancelled.
        """
        self._host, self._on_leaving = Host(task), on_leaving
        self._loop = self._host.loop

    def run(self, attempts: list[Attempt]) -> None:
        """Start the coroutines; where the host has closed its loop, none is begun."""
        if not attempts:
            return
        if self._loop is None:
            self._start_loop()
        if not self._call(self._start_tasks, attempts):
            for attempt in attempts:
                self._inbox.put((attempt, Released()))

    def cancel(self, attempt: Attempt) -> None:
        """Cancel the attempt's task, if it is still there; what becomes of it no longer counts."""
        self._call(self._cancel_task, _claim(attempt))

    def cancel_all(self) -> None:
        """Cancel every task."""
        self._call(self._cancel_tasks)

    def stop(self) -> None:
        """Cancel what was not told to end yet, and end the loop, unless it is the host's."""
        self._call(self._cancel_untold)
        if self._thread is not None and self._loop is not None:
            self._call(self._loop.stop)
            self._thread.join(timeout=5)

    def _call(self, callback: Callable[..., None], *arguments: object) -> bool:
        """Have the loop call this soon; says whether there is a loop that can."""
        if self._loop is None:
            return False
        try:
            self._loop.call_soon_threadsafe(callback, *arguments)
        except RuntimeError:  # it is closed
            return False
        return True

    def _start_loop(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, args=(self._loop,), name="squidie-loop", daemon=True)
        self._thread.start()

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            while True:
                try:
                    loop.run_forever()
                    break
                except KeyboardInterrupt:  # a body's own, which asyncio lets through: no signal comes to this thread
                    continue
            loop.run_until_complete(_leave(loop))
        finally:
            loop.close()

    def _start_tasks(self, attempts: list[Attempt]) -> None:
        loop = asyncio.get_running_loop()
        for attempt in attempts:
            told = Flag()
            task = loop.create_task(run_coroutine(attempt, self._resources, told, self._host))
            self._tasks[_claim(attempt)] = task, told
            task.add_done_callback(partial(self._report, attempt))

    def _report(self, attempt: Attempt, task: asyncio.Task[Outcome]) -> None:
        """The task is over; one that was cancelled before its first step has not come to speak for itself."""
        del self._tasks[_claim(attempt)]
        if self._on_leaving is not None and self._host is not None and self._host.is_leaving:
            self._on_leaving()
        outcome: Outcome = Released()
        error = None if task.cancelled() else task.exception()
        if error is None and not task.cancelled():
            outcome = task.result()
        elif error is not None and self._thread is not None:
            outcome = failure_of(attempt, error, self._resources.values())
        self._inbox.put((attempt, outcome))

    def _cancel_task(self, claim: tuple[str, str]) -> None:
        if claim in self._tasks:
            task, told = self._tasks[claim]
            told.set()
            task.cancel()

    def _cancel_tasks(self) -> None:
        for claim in list(self._tasks):
            self._cancel_task(claim)

    def _cancel_untold(self) -> None:
        for claim, (_, told) in list(self._tasks.items()):
            if not told.is_set():
                self._cancel_task(claim)


async def _leave(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel what is left in the loop, bodies' own tasks included."""
    left = asyncio.all_tasks(loop) - {asyncio.current_task(loop)}
    for task in left:
        task.cancel()
    if left:
        _, stubborn = await asyncio.wait(left, timeout=_LEAVING)
        if stubborn:
            _log.warning("%d tasks of bodies do not end and are abandoned", len(stubborn))
    await loop.shutdown_asyncgens()


def _claim(attempt: Attempt) -> tuple[str, str]:
    """What tells a delivery of an attempt from the next one."""
    return attempt.key, attempt.claim_id
