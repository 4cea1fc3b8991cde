"""The notifier port in memory."""

# ruff: noqa: D102  # what the methods do is said by the port's docstrings

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from queue import SimpleQueue

from squidie_core.errors import Unavailable
from squidie_core.memory.listeners import Inbox, Listener
from squidie_core.memory.world import MemoryWorld
from squidie_core.ports.notifier import Subscription

_log = logging.getLogger("squidie.notifier")


class MemoryNotifier:
    """Hints within this process.

    Clients of one `world` hear each other; without one, the notifier hears only itself. Its thread starts with the
    first `listen` and ends with `close`. Implements `squidie_core.ports.Notifier`. Thread-safe.
    """

    def __init__(self, *, world: MemoryWorld | None = None) -> None:
        self._world = world or MemoryWorld()
        self._inbox: Inbox = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._closed = False

    @property
    def working(self) -> bool:
        """Always: nothing goes astray within a process."""
        return True

    def notify(self, queues: Mapping[str, int]) -> None:
        with self._world.lock:
            if self._closed:
                return
            for listener in self._world.listeners:
                if listener.queue in queues:
                    listener.inbox.put((listener, queues[listener.queue]))

    def listen(self, queue: str, wake: Callable[[int], None]) -> Subscription:
        listener = Listener(queue, wake, self._inbox)
        with self._world.lock:
            if self._closed:
                raise Unavailable("this notifier is closed; make another one")
            self._world.listeners.add(listener)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=_deliver, args=(self._world, self._inbox), name="squidie-notifier", daemon=True
                )
                self._thread.start()
        return _Subscription(self._world, listener)

    def close(self) -> None:
        with self._world.lock:
            self._closed = True
            self._world.listeners = {one for one in self._world.listeners if one.inbox is not self._inbox}
        self._inbox.put(None)


class _Subscription:
    def __init__(self, world: MemoryWorld, listener: Listener) -> None:
        self._world = world
        self._listener = listener

    def close(self) -> None:
        with self._world.lock:
            self._world.listeners.discard(self._listener)


def _deliver(world: MemoryWorld, inbox: Inbox) -> None:
    """Call listeners until the notifier is closed."""
    for listener, count in iter(inbox.get, None):
        with world.lock:
            listening = listener in world.listeners
        if listening:
            _wake(listener, count)


def _wake(listener: Listener, count: int) -> None:
    try:
        listener.wake(count)
    except Exception:  # noqa: BLE001  # a listener's error is its own; the thread serves the others
        _log.exception("a listener of queue %r raised; the others still hear", listener.queue)
