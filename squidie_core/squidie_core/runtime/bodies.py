"""Where bodies run: plain ones in threads, coroutines in one event loop; both hand their outcomes to one inbox."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Mapping
from queue import Empty, SimpleQueue

from squidie_core.runtime.attempts import Attempt, Outcome, Released
from squidie_core.runtime.running import run_body, run_coroutine

Report = tuple[Attempt, Outcome]


class Inbox:
    """What the worker's loop waits on: outcomes, and wake-ups without one."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[Report | None] = SimpleQueue()

    def put(self, report: Report) -> None:
        """Hand in an outcome."""
        self._queue.put(report)

    def wake(self) -> None:
        """End the wait that is going on, or the next one."""
        self._queue.put(None)

    def collect(self, timeout: float) -> tuple[list[Report], bool]:
        """Everything that has arrived, waiting up to `timeout` seconds for the first; and whether it was woken."""
        reports: list[Report] = []
        woken = False
        try:
            item = self._queue.get(timeout=timeout) if timeout > 0 else self._queue.get_nowait()
            while True:
                if item is None:
                    woken = True
                else:
                    reports.append(item)
                item = self._queue.get_nowait()
        except Empty:
            return reports, woken


class ThreadBodies:
    """A fixed number of daemon threads, started when they are first needed."""

    def __init__(self, size: int, inbox: Inbox, resources: Mapping[type, object]) -> None:
        self._size = size
        self._inbox = inbox
        self._resources = resources
        self._queue: SimpleQueue[Attempt | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._waiting = 0
        self._closed = False

    def run(self, attempts: Iterable[Attempt]) -> None:
        """Run the bodies, each as soon as a thread is free."""
        for attempt in attempts:
            self._waiting += 1
            if len(self._threads) < min(self._size, self._waiting):
                self._start_thread()
            self._queue.put(attempt)

    def done(self, count: int) -> None:
        """So many outcomes were taken from the inbox."""
        self._waiting -= count

    def _start_thread(self) -> None:
        thread = threading.Thread(target=self._work, name=f"squidie-body-{len(self._threads)}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        while (attempt := self._queue.get()) is not None:
            if self._closed or attempt.lost.is_set():
                self._inbox.put((attempt, Released()))
                continue
            self._inbox.put((attempt, run_body(attempt, self._resources)))

    def close(self) -> None:
        """Give back what no thread has begun; bodies that are running end by themselves."""
        self._closed = True

    def stop(self) -> None:
        """End the threads that are free."""
        for _ in self._threads:
            self._queue.put(None)


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
