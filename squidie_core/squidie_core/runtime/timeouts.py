"""The attempts in hand that may take only so long, by when their time is over."""

from __future__ import annotations

import time
from heapq import heapify, heappop, heappush

from squidie_core.runtime.attempts import Attempt

_SLACK = 64
"""So many attempts that are over may be remembered beside as many again as are in hand."""


class Timeouts:
    """Owned by the engine's thread. Costs nothing for attempts without a timeout."""

    __slots__ = ("_attempts", "_heap")

    def __init__(self) -> None:
        self._attempts: dict[tuple[str, str], Attempt] = {}
        self._heap: list[tuple[float, tuple[str, str]]] = []

    def __len__(self) -> int:
        """How many are remembered, some of those that are over included."""
        return len(self._heap)

    def begin(self, attempt: Attempt, now: int) -> None:
        """The attempt is in hand; `now` by the store's clock, in milliseconds."""
        limit = attempt.step.timeout
        if limit is None:
            return
        left = (attempt.runnable.claimed_at or now) + limit - now
        attempt.overdue_at = time.monotonic() + left / 1000
        claim = (attempt.key, attempt.claim_id)
        self._attempts[claim] = attempt
        heappush(self._heap, (attempt.overdue_at, claim))

    def end(self, attempt: Attempt) -> None:
        """Its outcome is known."""
        if attempt.overdue_at is None:
            return
        self._attempts.pop((attempt.key, attempt.claim_id), None)
        if len(self._heap) > 2 * len(self._attempts) + _SLACK:
            self._heap = [place for place in self._heap if place[1] in self._attempts]
            heapify(self._heap)

    @property
    def next_at(self) -> float | None:
        """When the next one's time is over, in monotonic seconds."""
        while self._heap and self._heap[0][1] not in self._attempts:
            heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def over(self, now: float) -> list[Attempt]:
        """Those whose time is over at `now`, in monotonic seconds; each is given once."""
        found: list[Attempt] = []
        while (at := self.next_at) is not None and at <= now:
            found.append(self._attempts.pop(heappop(self._heap)[1]))
        return found
