"""When a worker looks for due runs."""

from __future__ import annotations

import time

from squidie_core.runtime.clock import StoreClock
from squidie_core.runtime.engine import Engine
from squidie_core.runtime.ids import fraction

_SHORTEST = 0.005
_LONGEST = 2.0


class Polling:
    """Again and again while there is more than was taken, every two seconds while there is nothing.

    Also at once after a wake-up, and when the store said that the next run falls due.
    """

    def __init__(self) -> None:
        self.at = 0.0
        """Monotonic seconds."""
        self._interval = _SHORTEST

    def is_due(self, now: float) -> bool:
        """Whether it is time to look."""
        return now >= self.at

    def wake(self) -> None:
        """Look at once."""
        self.at = 0.0

    def put_off(self) -> None:
        """The store did not answer."""
        self.at = time.monotonic() + self._interval

    def polled(self, engine: Engine, clock: StoreClock) -> None:
        """Plan the next look by what the last one found."""
        now = time.monotonic()
        if engine.last_poll_full:
            self._interval = _SHORTEST
            self.at = now
            return
        self._interval = _SHORTEST if engine.last_poll_runs else min(self._interval * 1.5, _LONGEST)
        wait = self._interval * (0.8 + fraction() * 0.4)
        if engine.next_wake is not None:
            wait = min(wait, max((engine.next_wake - clock.now()) / 1000, 0.001))
        self.at = now + wait
