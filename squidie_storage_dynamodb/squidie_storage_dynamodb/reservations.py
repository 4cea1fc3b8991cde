"""Which runs this client has just got from `due`. Nothing of it is in DynamoDB, so no other client sees it."""

from __future__ import annotations

import threading

from squidie_core.journal.commit import Head

_MANY = 10_000


class Reservations:
    """Runs by thread id, each reserved at a head until a time. Safe to use from many threads.

    A reservation ends with the head that it was made for, so a commit releases the run, whoever makes it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until: dict[str, tuple[Head, int]] = {}

    def take(self, thread_id: str, head: Head, now: int, until: int) -> bool:
        """Reserve the run, unless it is."""
        with self._lock:
            held = self._until.get(thread_id)
            if held is not None and held[0] == head and held[1] > now:
                return False
            if until > now:
                self._drop_old(now)
                self._until[thread_id] = (head, until)
            return True

    def release(self, thread_id: str) -> None:
        """End the run's reservation, if there is one."""
        with self._lock:
            self._until.pop(thread_id, None)

    def _drop_old(self, now: int) -> None:
        if len(self._until) >= _MANY:
            self._until = {run: held for run, held in self._until.items() if held[1] > now}
