"""A store in memory whose time passes only when a test says so."""

from __future__ import annotations

from squidie_core.memory import MemoryWorld
from tests.clocks import Clock
from tests.runtime.stores import MemoryStore


class ClockedStore(MemoryStore):
    """`later` lets time pass."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.world = MemoryWorld(clock=self.clock)

    def later(self, milliseconds: int) -> None:
        self.clock.now += milliseconds
