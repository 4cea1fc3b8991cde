"""What mutants have in common: the adapters in memory, with a wire, and one thing wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from squidie_contract.capabilities import Capability
from squidie_contract.harness import Harness
from squidie_contract.wire import Cut, Wire
from squidie_contract.wired import wired
from squidie_core.errors import Unavailable
from squidie_core.journal.commit import Commit, CommitResult
from squidie_core.memory import MemoryStorage, MemoryWorld
from squidie_core.memory.threads import Thread
from squidie_core.ports import Storage


class Mutant(Harness):
    """A harness of something broken. Its docstring says what is wrong."""

    breaks: ClassVar[str]
    """The clause that must find it out."""


class BrokenStorage(MemoryStorage):
    """A storage in memory; its own methods may go over the wire more than once."""

    wire: Wire

    def thread(self, thread_id: str) -> Thread:
        """What the world holds."""
        return self._world.namespaces[self.namespace].threads[thread_id]

    def trip(self, commits: Sequence[Commit]) -> Sequence[CommitResult]:
        """One commit, in one round trip, whatever the subclass does."""
        try:
            with self.wire("commit"):
                return MemoryStorage.commit(self, commits)
        except Cut as cut:
            raise Unavailable("the connection was lost", outcome="unknown") from cut


class StorageMutant(Mutant):
    """A broken storage. `trips`: its methods go over the wire themselves; else each is one round trip."""

    supports = Capability.SHARED_RESERVATIONS | Capability.EXCLUSIVE_RESERVATIONS
    Broken: ClassVar[type[BrokenStorage]]
    trips: ClassVar[bool] = False

    def __init__(self) -> None:
        self._now = 1_800_000_000_000
        self.world = MemoryWorld(clock=lambda: self._now)

    def storage(self, wire: Wire) -> Storage:
        made = self.Broken(f"mutant {id(self)}", world=self.world)
        made.wire = wire
        return made if self.trips else wired(made, wire)

    def now(self) -> float:
        return self._now

    def wait(self, milliseconds: float) -> None:
        self._now += max(1, round(milliseconds))
