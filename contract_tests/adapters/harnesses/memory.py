"""Everything in this process, on a clock that tests turn."""

from __future__ import annotations

from squidie_contract import Capability, Harness, Wire
from squidie_contract.wired import wired
from squidie_core.memory import MemoryLeases, MemoryNotifier, MemoryStorage, MemoryWorld


class MemoryHarness(Harness):
    """The reference."""

    supports = Capability.SHARED_RESERVATIONS | Capability.EXCLUSIVE_RESERVATIONS

    def __init__(self) -> None:
        self._now = 1_800_000_000_000
        self._world = MemoryWorld(clock=lambda: self._now)

    def storage(self, wire: Wire) -> MemoryStorage:
        return wired(MemoryStorage(f"world {id(self)}", world=self._world), wire)

    def leases(self, wire: Wire) -> MemoryLeases:
        return wired(MemoryLeases(world=self._world), wire)

    def notifier(self, wire: Wire) -> MemoryNotifier:  # noqa: ARG002  # nothing is between clients of one process
        return MemoryNotifier(world=self._world)

    def now(self) -> float:
        return self._now

    def wait(self, milliseconds: float) -> None:
        self._now += max(1, round(milliseconds))
