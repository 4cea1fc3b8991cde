"""Workers that a test turns by hand, one step at a time: what they do follows from what they are told."""

from __future__ import annotations

from typing import Protocol

from squidie_core import Squidie
from squidie_core.runtime.attempts import Attempt
from squidie_core.runtime.engine import Engine, EngineOptions
from squidie_core.runtime.running import run_attempt
from squidie_core.runtime.slots import Slots

LEASE = 100
"""Milliseconds: the shortest that the runtime takes."""


class Hand(Protocol):
    """Something that advances runs when it is turned."""

    def turn(self) -> bool:
        """Do a little; whether there was anything to do. Raises what the store raises."""
        ...


class OneByOne:
    """A host that calls `execute_next`."""

    def __init__(self, squidie: Squidie) -> None:
        self._squidie = squidie

    def turn(self) -> bool:
        """One attempt."""
        return self._squidie.execute_next(lease_for=LEASE / 1000) is not None


class Looping:
    """A worker's loop, whose bodies run between two ticks: claims in groups, chains, and commits for many runs."""

    def __init__(self, squidie: Squidie, *, slots: int = 4, owner_id: str = "by-hand") -> None:
        self._store = squidie.store
        self._slots = slots
        self._engine = Engine(
            squidie.store, EngineOptions(queue=squidie.queue, owner_id=owner_id, lease_for=LEASE, chain=True)
        )
        self.waiting: list[Attempt] = []
        """Attempts that are claimed and whose bodies have not run."""

    def turn(self) -> bool:
        """Run the bodies that wait, and tick."""
        self.run_bodies()
        return self.tick(poll=True)

    def run_bodies(self) -> None:
        """Run what was claimed, in this thread."""
        while self.waiting:
            attempt = self.waiting.pop(0)
            self._engine.report(attempt, run_attempt(self._store, attempt))

    def renew(self) -> None:
        """Renew the claims, and look whether the runs still want them."""
        self._engine.renew()
        self._engine.watch()
        self.tick(poll=False)

    def tick(self, *, poll: bool) -> bool:
        """Write what was decided, and claim what there are slots for."""
        free = max(0, self._slots - len(self.waiting))
        slots = Slots(self._store.catalog, threads=free, coroutines=free)
        had_reports = self._engine.has_reports
        claimed = self._engine.tick(slots, poll=poll)
        self.waiting += claimed
        return had_reports or bool(claimed) or self._engine.last_poll_runs > 0
