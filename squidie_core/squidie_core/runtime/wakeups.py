"""Wake-ups: telling the workers of this process, and of others where a notifier is there, that work is due."""

from __future__ import annotations

import threading
from collections.abc import Callable

from squidie_core.ports.notifier import Notifier
from squidie_core.runtime.ids import fraction

Wake = Callable[[float], None]
"""Called from any thread with the seconds after which to look for work; returns at once."""

_JITTER = 0.005
"""Seconds over which those spread who hear one hint, so that the first can take the work before the last looks."""


class Wakeups:
    """Hints, never needed for progress. Safe to use from any thread."""

    def __init__(self, notifier: Notifier | None) -> None:
        self._notifier = notifier
        self._lock = threading.Lock()
        self._listeners: dict[str, list[Wake]] = {}

    @property
    def notifier(self) -> Notifier | None:
        """What carries the hints to other processes."""
        return self._notifier

    def wake(self, queue: str, count: int = 1) -> None:
        """Say that runs of the queue are due."""
        with self._lock:
            listeners = list(self._listeners.get(queue, ()))
        for listener in listeners:
            listener(0.0)
        if self._notifier is not None:
            self._notifier.notify({queue: count})

    @property
    def reach_others(self) -> bool:
        """Whether hints are known to go from process to process."""
        return self._notifier is not None and self._notifier.working

    def listen(self, queue: str, wake: Wake) -> Callable[[], None]:
        """Call `wake` on every hint, at once for those of this process; returns what ends that."""
        with self._lock:
            self._listeners.setdefault(queue, []).append(wake)
        subscription = None
        if self._notifier is not None:
            subscription = self._notifier.listen(queue, lambda _: wake(fraction() * _JITTER))

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
