"""A clock that tests turn."""

from __future__ import annotations


class Clock:
    """Milliseconds since the epoch that pass only when a test says so."""

    def __init__(self, now: int = 1_800_000_000_000) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now
