"""Wake-ups: telling the workers of this process, and of others where a notifier is there, that work is due."""

from __future__ import annotations

import threading
from collections.abc import Callable

from squidie_core.ports.notifier import Notifier


class Wakeups:
    """Hints, never needed for progress. Safe to use from any thread."""

    def __init__(self, notifier: Notifier | None) -> None:
        self._notifier = notifier
        self._lock = threading.Lock()
        self._listeners: dict[str, list[Callable[[], None]]] = {}

    @property
    def notifier(self) -> Notifier | None:
        """What carries the hints to other processes."""
        return self._notifier

    def wake(self, queue: str, count: int = 1) -> None:
        """Say that runs of the queue are due."""
        with self._lock:
            listeners = list(self._listeners.get(queue, ()))
        for listener in listeners:
            listener()
        if self._notifier is not None:
            self._notifier.notify({queue: count})

    def listen(self, queue: str, wake: Callable[[], None]) -> Callable[[], None]:
        """Call `wake`, which returns at once, on every hint; returns what ends that."""
        with self._lock:
            self._listeners.setdefault(queue, []).append(wake)
        subscription = None if self._notifier is None else self._notifier.listen(queue, lambda _: wake())

        def end() -> None:
            with self._lock:
                if wake in self._listeners.get(queue, ()):
                    self._listeners[queue].remove(wake)
            if subscription is not None:
                subscription.close()

        return end

    def close(self) -> None:
        """Forget all listeners."""
        with self._lock:
            self._listeners.clear()
