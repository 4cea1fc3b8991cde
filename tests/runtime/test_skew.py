"""Workers at a store without a clock of its own: theirs differ, by no more than it declares."""

from __future__ import annotations

import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import pytest

from squidie_core import Snapshot, Squidie
from squidie_core.memory import MemoryStorage, MemoryWorld
from squidie_core.ports.storage import Capabilities, DueBatch, RunQuery
from tests.clocks import Clock
from tests.runtime.flows import Held, Stage, on
from tests.runtime.stores import assert_consistent, claims_of
from tests.runtime.waiting import PATIENCE, eventually

SKEW = 2_000


class Skewed(MemoryStorage):
    """Declares skew, keeps no reservations, and counts the runs that its looks found."""

    found = 0

    @property
    def capabilities(self) -> Capabilities:
        return replace(super().capabilities, max_skew=SKEW, exclusive_reservations=False)

    def due(self, queue: str, *, offers: Sequence[str], limit: int, reserve_for: int) -> DueBatch:
        del reserve_for
        batch = super().due(queue, offers=offers, limit=limit, reserve_for=0)
        self.found += len(batch.runs)
        return batch


class Sites:
    """A world, and another whose clock is ahead of it, over the same runs."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.world = MemoryWorld(clock=self.clock)
        self.ahead = MemoryWorld(clock=lambda: self.clock() + SKEW)
        self.ahead.lock, self.ahead.namespaces = self.world.lock, self.world.namespaces
        self.stage = Stage()

    def open(self, world: MemoryWorld) -> tuple[Squidie, Skewed]:
        storage = Skewed(world=world)
        return Squidie(storage, workflows=[Held], resources=on(self.stage)), storage

    @contextmanager
    def holding(self) -> Generator[tuple[Squidie, Snapshot]]:
        """Somebody whose clock is behind holds a run's only attempt, until the end of the block."""
        squidie, _ = self.open(self.world)
        run = squidie.start(Held.begin)
        thread = threading.Thread(target=squidie.execute_next, kwargs={"owner_id": "holder", "lease_for": 30})
        thread.start()
        try:
            eventually(lambda: len(self.stage.calls) == 1)
            yield squidie, run
        finally:
            self.stage.opened.set()
            thread.join(PATIENCE)


@pytest.fixture
def sites() -> Sites:
    return Sites()


class TestALease:
    def test_is_taken_over_so_long_after_its_end_and_nobody_looks_before(self, sites: Sites) -> None:
        with sites.holding() as (squidie, run):
            other, storage = sites.open(sites.world)
            (claim,) = claims_of(squidie, run)
            for at in (claim.lease_until - 1, claim.lease_until, claim.lease_until + SKEW - 1):
                sites.clock.now = at
                assert other.execute_next() is None
            assert storage.found == 0
            sites.clock.now = claim.lease_until + SKEW
            sites.stage.opened.set()
            assert other.execute_next(owner_id="other") is not None
        assert other.inspect_run(run).status == "completed"
        assert [one.owner_id for one in claims_of(squidie, run)] == ["holder", "other"]
        assert_consistent(squidie, run)

    def test_has_ended_for_its_owner_when_it_is_taken_over_by_a_clock_that_is_ahead(self, sites: Sites) -> None:
        with sites.holding() as (squidie, run):
            other, storage = sites.open(sites.ahead)
            (claim,) = claims_of(squidie, run)
            sites.clock.now = claim.lease_until - 1
            assert other.execute_next() is None
            assert storage.found == 0
            sites.clock.now = claim.lease_until
            sites.stage.opened.set()
            assert other.execute_next(owner_id="other") is not None
        assert_consistent(squidie, run)
        assert other.inspect_run(run).status == "completed"

    def test_is_in_the_index_as_in_the_journal(self, sites: Sites) -> None:
        with sites.holding() as (squidie, run):
            (claim,) = claims_of(squidie, run)
            (listed,) = squidie.store.storage.find(RunQuery()).runs
            assert listed.index.wake_at == claim.lease_until + SKEW
            assert squidie.rebuild_index() == {}
            assert squidie.store.storage.find(RunQuery()).runs == [listed]
            index = [one for one in squidie.doctor().findings if one.check == "index"]
            assert [one.status for one in index] == ["ok"]
