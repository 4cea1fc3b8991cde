"""Where coroutine bodies run: in one event loop, which hands the outcomes to the inbox.

Imported only where there are such bodies: asyncio takes a while to import.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections.abc import Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from squidie_core.runtime.attempts import Attempt, Outcome, Released
from squidie_core.runtime.bodies import Inbox
from squidie_core.runtime.running import context_of, current_attempt, failure_of, outcome_of


async def run_coroutine(attempt: Attempt, resources: Mapping[type, object]) -> Outcome:
    """Await a coroutine body in the running loop."""
    body = attempt.body
    assert body is not None, "only attempts with a coroutine body come here"  # noqa: S101
    began = time.perf_counter() if attempt.timed else 0.0
    current_attempt.set(attempt)
    try:
        context = context_of(attempt, resources)
        arguments = body.call_arguments(attempt.runnable.input, context)
        return outcome_of(attempt, body, await body.function(**arguments))
    except (Exception, SystemExit, asyncio.CancelledError) as error:  # noqa: BLE001  # what a body raises is its failure
        task = asyncio.current_task()
        if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
            return Released()
        return failure_of(attempt, error, resources.values())
    finally:
        if attempt.timed:
            attempt.ran = time.perf_counter() - began


def run_to_end(coroutine: Coroutine[Any, Any, object]) -> object:
    """Run the coroutine in an event loop of its own: in this thread, or beside the loop that runs here already."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(contextvars.copy_context().run, asyncio.run, coroutine).result()


class CoroutineBodies:
    """One event loop in a thread of its own, started when it is first needed."""

    def __init__(self, inbox: Inbox, resources: Mapping[type, object]) -> None:
        self._inbox = inbox
        self._resources = resources
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._tasks: dict[tuple[str, str], asyncio.Task[None]] = {}

    def run(self, attempts: list[Attempt]) -> None:
        """Start the coroutines."""
        if attempts:
            self._running_loop().call_soon_threadsafe(self._start_tasks, attempts)

    def cancel(self, attempt: Attempt) -> None:
        """Cancel the attempt's task, if it is still there."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._cancel_task, _claim(attempt))

    def cancel_all(self) -> None:
        """Cancel every task."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(lambda: [task.cancel() for task in self._tasks.values()])

    def stop(self) -> None:
        """End the loop."""
        if self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(timeout=5)

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=self._serve, args=(self._loop,), name="squidie-loop", daemon=True)
            self._thread.start()
        return self._loop

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_forever()
        finally:
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()

    def _start_tasks(self, attempts: list[Attempt]) -> None:
        loop = asyncio.get_running_loop()
        for attempt in attempts:
            self._tasks[_claim(attempt)] = loop.create_task(self._work(attempt))

    def _cancel_task(self, claim: tuple[str, str]) -> None:
        task = self._tasks.get(claim)
        if task is not None:
            task.cancel()

    async def _work(self, attempt: Attempt) -> None:
        outcome: Outcome = Released()
        try:
            outcome = await run_coroutine(attempt, self._resources)
        finally:
            self._tasks.pop(_claim(attempt), None)
            self._inbox.put((attempt, outcome))


def _claim(attempt: Attempt) -> tuple[str, str]:
    """What tells a delivery of an attempt from the next one."""
    return attempt.key, attempt.claim_id
