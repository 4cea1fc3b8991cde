"""Where plain bodies run: in threads, which hand the outcomes to an inbox."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Iterable
from queue import Empty, SimpleQueue

from squidie_core.runtime.attempts import Attempt, Outcome, Released
from squidie_core.runtime.berths import Boarding
from squidie_core.runtime.running import failure_of

Report = tuple[Attempt, Outcome]

CLOSE = 0.0002
"""Seconds within which one outcome follows another closely: less than what a commit of its own would take."""


class Inbox:
    """What the worker's loop waits on: outcomes, runs that come on board, and wake-ups without either."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[Report | Boarding | None] = SimpleQueue()

    def put(self, news: Report | Boarding) -> None:
        """Hand in an outcome or a started run."""
        self._queue.put(news)

    def wake(self) -> None:
        """End the wait that is going on, or the next one."""
        self._queue.put(None)

    def collect(self, timeout: float, expected: int) -> list[Report | Boarding]:
        """What has arrived, in order, after up to `timeout` seconds for the first of it or a wake-up.

        Where there is something, but less than `expected`, what follows close behind is waited for.
        """
        news: list[Report | Boarding] = []
        try:
            item = self._queue.get(timeout=timeout) if timeout > 0 else self._queue.get_nowait()
            while True:
                if item is not None:
                    news.append(item)
                item = self._next(wait=0 < len(news) < expected)
        except Empty:
            return news

    def _next(self, *, wait: bool) -> Report | Boarding | None:
        return self._queue.get(timeout=CLOSE) if wait else self._queue.get_nowait()


class ThreadBodies:
    """A fixed number of daemon threads, started when they are first needed."""

    def __init__(self, size: int, inbox: Inbox, run: Callable[[Attempt], Outcome]) -> None:
        self._size = size
        self._inbox = inbox
        self._run = run
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
            self._inbox.put((attempt, self._outcome(attempt)))

    def _outcome(self, attempt: Attempt) -> Outcome:
        try:
            # What a body sets in its context variables is not for the next one in this thread.
            return contextvars.copy_context().run(self._run, attempt)
        except BaseException as error:  # noqa: BLE001  # no signal comes to this thread; whatever it was, it goes on
            return failure_of(attempt, error, ())

    def close(self) -> None:
        """Give back what no thread has begun; bodies that are running end by themselves."""
        self._closed = True

    def stop(self) -> None:
        """End the threads that are free."""
        for _ in self._threads:
            self._queue.put(None)
