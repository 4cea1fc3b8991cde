"""Up to where a client need not look for due runs.

While somebody holds an old snapshot, the index keeps an entry for every time at which a run was ever due, and a look
would go through all of them. So each client keeps, for each queue, offers and priority, a time up to which nothing was
due. Rows are never written with a due time that lies far back, and what others have reserved or locked holds a mark
down; only a transaction that was open for long can bring something in below one. Therefore a look that starts from the
beginning is made every so often: it may find such a run late, but finds it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from squidie_core.dataclass import dataclass

SWEEP_EVERY = 30.0
"""Seconds between two looks from the beginning."""

MOVE_EVERY = 1.0
"""Seconds between two looks that move the marks."""

SHORTEST_AHEAD, LONGEST_AHEAD = 2_500, 10_000
"""How far ahead, in milliseconds, to look for the next run: further than the longest pause between the last looks."""

PRIORITIES = 10

_BEGINNING = (-(2**63),) * PRIORITIES
_MAX_KEPT = 256


class Look(NamedTuple):
    """From where to look, one mark a priority; how far ahead, in milliseconds; whether the look moves the marks."""

    marks: Sequence[int]
    ahead: int
    moving: bool
    sweeping: bool


@dataclass(slots=True)
class _Kept:
    marks: Sequence[int] = _BEGINNING
    swept_at: float = float("-inf")
    moved_at: float = float("-inf")
    looked_at: float = float("-inf")
    ahead: float = LONGEST_AHEAD


class Marks:
    """The marks of one client, in memory. `seconds` is a monotonic clock. Safe to use from many threads."""

    def __init__(self, seconds: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._kept: dict[tuple[str, tuple[str, ...]], _Kept] = {}

    def look(self, queue: str, offers: Sequence[str]) -> Look:
        """How to look for runs of the queue that need one of the offers."""
        kept = self._of(queue, offers)
        now = self._seconds()
        paused = 1_000 * (now - kept.looked_at)
        kept.looked_at = now
        kept.ahead = min(max(SHORTEST_AHEAD, 1.25 * paused, 0.9 * kept.ahead), LONGEST_AHEAD)
        sweeping = now - kept.swept_at >= SWEEP_EVERY
        return Look(
            _BEGINNING if sweeping else kept.marks,
            int(kept.ahead),
            moving=sweeping or now - kept.moved_at >= MOVE_EVERY,
            sweeping=sweeping,
        )

    def moved(self, queue: str, offers: Sequence[str], look: Look, marks: Sequence[int]) -> None:
        """The look was made; the marks that it gave hold from now on."""
        kept = self._of(queue, offers)
        kept.marks = tuple(marks)
        kept.moved_at = self._seconds()
        if look.sweeping:
            kept.swept_at = kept.moved_at

    def _of(self, queue: str, offers: Sequence[str]) -> _Kept:
        if len(self._kept) >= _MAX_KEPT:
            self._kept.clear()
        return self._kept.setdefault((queue, tuple(offers)), _Kept())
