"""Hearing hints: one thread with one connection for all who listen, that finds out whether it hears at all."""

from __future__ import annotations

import logging
import random
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Generic, TypeVar

from squidie_core.adapters.lines import Line

_log = logging.getLogger("squidie.notifier")

Connection = TypeVar("Connection")


class Subscription:
    """One who listens to a queue."""

    def __init__(self, listener: Listener[Connection], queue: str, wake: Callable[[int], None]) -> None:
        self._forget = listener.forget
        self.queue = queue
        self.wake = wake

    def close(self) -> None:
        """Hear nothing more."""
        self._forget(self)


class Probe:
    """When to send oneself something, and whether the last one came back."""

    def __init__(self, every: int, timeout: int) -> None:
        """Both in milliseconds."""
        self._every = every / 1000
        self._patience = timeout / 1000
        self._waiting = False
        self.at = time.monotonic()
        """When to send the next one; while one is on its way, when to give it up. Seconds."""

    def passed(self) -> bool:
        """Go on at the time `at`: True to send one, False where one has not come back."""
        if self._waiting:
            return False
        self._waiting = True
        self.at = time.monotonic() + self._patience
        return True

    def came_back(self) -> None:
        """What is sent arrives here."""
        self._waiting = False
        self.at = time.monotonic() + self._every * random.uniform(0.75, 1.25)  # noqa: S311 -- spreads probes

    @property
    def left(self) -> float:
        """Seconds until then."""
        return max(0.0, self.at - time.monotonic())


class Listener(ABC, Generic[Connection]):
    """Calls who listens. The thread starts with the first of them.

    A subclass says how a connection is listened on. It calls `begun` when it hears, `wake` on each hint, and sends
    itself a probe when `probe` says so, by another connection, as hints are sent: a server that holds a connection open
    and is dead, or something between that loses hints, is found out by it.
    """

    def __init__(self, line: Line[Connection], *, probe_every: int, probe_timeout: int) -> None:
        """Both in milliseconds."""
        self.line = line
        self.closing = threading.Event()
        self.working = False
        """Whether the last probe came back, on the connection that there is."""
        self._probe_options = (probe_every, probe_timeout)
        self.probe = Probe(*self._probe_options)
        self._lock = threading.Lock()
        self._subscriptions: list[Subscription] = []
        self._thread: threading.Thread | None = None
        self._connected_before = False

    @abstractmethod
    def attend(self, connection: Connection) -> None:
        """Listen until `closing` is set, or the connection is of no use any more. May raise the line's failures."""

    def add(self, queue: str, wake: Callable[[int], None]) -> Subscription:
        """Let somebody hear of the queue."""
        subscription = Subscription(self, queue, wake)
        with self._lock:
            self._subscriptions.append(subscription)
            if self._thread is None and not self.closing.is_set():
                self._thread = threading.Thread(target=self._run, name="squidie-notifier-listener", daemon=True)
                self._thread.start()
        return subscription

    def forget(self, subscription: Subscription) -> None:
        """Nothing more for this one."""
        with self._lock:
            if subscription in self._subscriptions:
                self._subscriptions.remove(subscription)

    def close(self) -> bool:
        """Nothing more for anybody; whether there is a thread, which now ends as soon as `attend` returns."""
        with self._lock:
            self._subscriptions.clear()
            self.closing.set()
            return self._thread is not None

    # In the thread

    def begun(self) -> None:
        """A connection hears from now on; what was said before has been missed."""
        if self._connected_before:
            self.wake()
        self._connected_before = True
        self.probe = Probe(*self._probe_options)

    def wake(self, queue: str | None = None, count: int = 1) -> None:
        """Call those who listen to the queue, or everybody."""
        with self._lock:
            listening = [one for one in self._subscriptions if queue in (None, one.queue)]
        for subscription in listening:
            with self._lock:
                if subscription not in self._subscriptions:
                    continue
            try:
                subscription.wake(count)
            except Exception:  # noqa: BLE001 -- a listener's error is its own; the thread serves the others
                _log.exception("a listener of queue %r raised; the others still hear", subscription.queue)

    def rest(self) -> float:
        """The seconds until the next connection, after `attend` has returned."""
        return self.line.pause()

    def ended(self) -> None:
        """The thread ends."""

    def _run(self) -> None:
        try:
            while not self.closing.is_set():
                pause = self._attend_once()
                if self.working:
                    self.working = False
                    self.wake()  # whoever counted on hints looks now, and sooner from now on
                self.closing.wait(pause)
        finally:
            self.ended()

    def _attend_once(self) -> float:
        """Listen on a connection until it is of no use any more; the seconds until the next one."""
        try:
            with self.line.connect() as connection:
                self.attend(connection)
        except self.line.failures as error:
            if not self.closing.is_set():
                self.line.has_failed(error)
            return self.line.pause()
        return self.rest()
