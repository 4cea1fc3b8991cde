"""What simulated processes share: memory, where every machine has a clock of its own, or a file of SQLite's."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from sqlite3 import Connection

from adapters.harnesses.sqlite import SqliteHarness
from squidie_contract.wire import Wire, quiet
from squidie_contract.wired import wired
from squidie_core.memory import MemoryStorage, MemoryWorld
from squidie_core.ports.storage import Capabilities, DueBatch, Storage
from tests.clocks import Clock

SKEW = 60
"""Milliseconds by which the clocks of two workers differ, at most."""


class Store:
    """Where a world's runs are. Time is the clock's."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def open(self, skew: float, wire: Wire = quiet) -> Storage:
        """As a process opens it whose clock is so much of SKEW ahead."""
        raise NotImplementedError

    def note(self, handle: Connection, word: str) -> None:
        """Write a row of the application's own."""
        raise NotImplementedError

    def notes(self) -> list[str]:
        """The rows that were written."""
        return []


class InMemory(Store):
    """Declares that clocks differ, and keeps no reservations."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self._world = MemoryWorld(clock=clock)

    def open(self, skew: float, wire: Wire = quiet) -> Storage:
        site = MemoryWorld(clock=lambda: self.clock() + round(skew * SKEW))
        site.lock, site.namespaces = self._world.lock, self._world.namespaces
        return wired(_Storage(world=site), wire)


class _Storage(MemoryStorage):
    @property
    def capabilities(self) -> Capabilities:
        return replace(super().capabilities, max_skew=SKEW, exclusive_reservations=False)

    def due(self, queue: str, *, offers: Sequence[str], limit: int, reserve_for: int) -> DueBatch:
        del reserve_for
        return super().due(queue, offers=offers, limit=limit, reserve_for=0)


class InSqlite(Store):
    """On one machine, in a namespace of its own; the application's rows stand beside the runs."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self._harness = SqliteHarness()

    def open(self, skew: float, wire: Wire = quiet) -> Storage:
        del skew
        return self._harness.storage(wire)

    def note(self, handle: Connection, word: str) -> None:
        self._harness.note(handle, word)

    def notes(self) -> list[str]:
        return self._harness.notes()

    @contextmanager
    def transaction(self) -> Generator[Connection]:
        """A transaction of the application's own."""
        with self._harness.host_transaction() as connection:
            connection.execute("begin immediate")
            yield connection
