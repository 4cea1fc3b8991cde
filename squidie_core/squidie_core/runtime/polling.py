"""When a worker looks for due runs."""

from __future__ import annotations

import time

from squidie_core.runtime.clock import StoreClock
from squidie_core.runtime.engine import Engine
from squidie_core.runtime.ids import fraction

# Seconds until the next look: after one that found something, after the first that found nothing, and after many of
# those, the last where hints are known to arrive.
AFTER_WORK = 0.005
SHORTEST = 0.05
LONGEST = 2.0
LONGEST_WITH_HINTS = 10.0


class Polling:
    """Again and again while there is more than was taken, every two seconds while there is nothing.

    Every ten where hints are known to arrive. Also after a wake-up, and when the next run is known to fall due. Only
    `ask` may be called from any thread.
    """

    def __init__(self) -> None:
        self.at = 0.0
        """Monotonic seconds."""
        self._interval = AFTER_WORK
        self._asked: float | None = None

    def ask(self, at: float) -> None:
        """Look then, or sooner. What is asked for while one looks is kept for the next time."""
        self._asked = at

    def is_due(self, now: float) -> bool:
        """Whether it is time to look."""
        asked, self._asked = self._asked, None
        if asked is not None:
            self.at = min(self.at, asked)
        return now >= self.at

    def wake(self) -> None:
        """Look at once."""
        self.at = 0.0

    def put_off(self) -> None:
        """The store did not answer."""
        self.at = time.monotonic() + self._interval

    def expect(self, engine: Engine, clock: StoreClock) -> None:
        """Look when the next run is known to fall due."""
        if engine.writer.next_wake is not None:
            self.at = min(self.at, time.monotonic() + max((engine.writer.next_wake - clock.now()) / 1000, 0.001))

    def polled(self, engine: Engine, clock: StoreClock, *, hinted: bool) -> None:
        """Plan the next look by what the last one found. `hinted`: hints are known to arrive."""
        now = time.monotonic()
        if engine.last_poll_full:
            self._interval = AFTER_WORK
            self.at = now
            return
        longest = LONGEST_WITH_HINTS if hinted else LONGEST
        if engine.writer.won:
            self._interval = AFTER_WORK
        else:
            self._interval = min(max(self._interval * 1.5, SHORTEST), longest)
        self.at = now + self._interval * (0.8 + fraction() * 0.4)
        self.expect(engine, clock)
