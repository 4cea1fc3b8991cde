"""An attempt that workers took and did not bring back runs alone, so that it takes no neighbour down."""

from __future__ import annotations

from functools import partial

import pytest

from squidie_core import Snapshot, Squidie, Workflow, sequence, step, trigger
from squidie_core.runtime.catalog import Catalog
from squidie_core.runtime.engine import Engine, EngineOptions
from squidie_core.runtime.slots import SUSPECT_DELIVERIES, Caution, Slots
from squidie_core.state import RunnableState
from tests.runtime.flows import Held, Stage, on
from tests.runtime.stores import Store, working
from tests.runtime.waiting import eventually


def work() -> None:
    pass


async def wait() -> None:
    pass


class Two(Workflow, name="two"):
    go = trigger.manual()
    work = step(work)
    wait = step(wait)
    transitions = sequence(work, wait)


def runnable(step_name: str = "work", deliveries: int = 0) -> RunnableState:
    made = RunnableState("k", step_name, "run", 1, 1, {}, "k", 0, 0)
    made.deliveries = deliveries
    return made


SUSPECT = runnable(deliveries=SUSPECT_DELIVERIES)


@pytest.fixture
def catalog() -> Catalog:
    return Catalog([Two], {})


class TestSlots:
    def test_take_a_suspect_into_an_idle_process_and_nothing_beside_it(self, catalog: Catalog) -> None:
        slots = Slots(catalog, 4, 4)
        assert slots.admit("two", SUSPECT)
        assert slots.alone
        assert slots.free == 0
        assert not slots.admit("two", runnable())
        assert not slots.admit("two", runnable("wait"))

    @pytest.mark.parametrize("busy", [False, True])
    def test_refuse_a_suspect_that_would_have_company(self, catalog: Catalog, busy: bool) -> None:  # noqa: FBT001
        slots = Slots(catalog, 4, 4, busy=busy)
        assert slots.admit("two", runnable("wait"))
        assert not slots.admit("two", SUSPECT)
        assert slots.wants_quiet
        assert slots.admit("two", runnable())

    def test_do_not_suspect_what_was_lost_once(self, catalog: Catalog) -> None:
        slots = Slots(catalog, 4, 4, busy=True)
        assert slots.admit("two", runnable(deliveries=1))
        assert not slots.wants_quiet

    def test_count_each_kind_by_itself(self, catalog: Catalog) -> None:
        slots = Slots(catalog, 1, 0)
        assert not slots.admit("two", runnable("wait"))
        assert slots.admit("two", runnable())
        assert not slots.admit("two", runnable())
        assert slots.free == 0
        assert not slots.lacks_code
        assert not slots.admit("two", runnable("gone"))
        assert slots.lacks_code


class TestCaution:
    def met(self, catalog: Catalog, caution: Caution, now: float) -> None:
        slots = Slots(catalog, 4, 4, busy=True)
        assert not slots.admit("two", SUSPECT)
        caution.learn(slots, now)

    def test_takes_on_nothing_while_bodies_end_and_then_goes_on(self, catalog: Catalog) -> None:
        caution = Caution()
        assert not caution.holds(99, busy=True)
        self.met(catalog, caution, 100)
        assert caution.holds(100 + Caution.QUIET - 0.1, busy=True)
        assert not caution.holds(100 + Caution.QUIET - 0.1, busy=False)
        assert not caution.holds(100 + Caution.QUIET, busy=True)

    def test_does_not_let_suspects_keep_the_worker_quiet(self, catalog: Catalog) -> None:
        caution = Caution()
        self.met(catalog, caution, 100)
        self.met(catalog, caution, 101)
        self.met(catalog, caution, 100 + Caution.QUIET)
        assert not caution.holds(100 + Caution.QUIET, busy=True)
        again = 100 + (1 + Caution.NORMAL) * Caution.QUIET
        self.met(catalog, caution, again - 0.1)
        assert not caution.holds(again, busy=True)
        self.met(catalog, caution, again)
        assert caution.holds(again, busy=True)

    def test_waits_longer_where_the_bodies_did_not_end(self, catalog: Catalog) -> None:
        caution = Caution()
        now = 100.0
        quiet = Caution.QUIET
        while quiet < Caution.LONGEST_QUIET:
            self.met(catalog, caution, now)
            assert caution.holds(now + quiet - 0.1, busy=True)
            assert not caution.holds(now + quiet, busy=True)
            now, quiet = now + (1 + Caution.NORMAL) * quiet, 2 * quiet
        alone = Slots(catalog, 4, 4)
        alone.admit("two", SUSPECT)
        caution.learn(alone, now)
        assert not caution.holds(now, busy=False)
        self.met(catalog, caution, now)
        assert not caution.holds(now + Caution.QUIET, busy=True)

    def test_waits_until_the_suspect_is_over(self, catalog: Catalog) -> None:
        caution = Caution()
        slots = Slots(catalog, 4, 4)
        slots.admit("two", SUSPECT)
        caution.learn(slots, 100)
        assert caution.holds(10_000, busy=True)
        assert not caution.holds(10_001, busy=False)
        assert not caution.holds(10_002, busy=True)

    def test_looks_for_one_run_at_a_time_while_suspects_come(self, catalog: Catalog) -> None:
        caution = Caution()
        assert caution.limit(busy=False) is None
        self.met(catalog, caution, 100)
        assert caution.limit(busy=True) is None
        assert caution.limit(busy=False) == 1
        one = Slots(catalog, 4, 4)
        one.admit("two", SUSPECT)
        caution.learn(one, 101)
        assert caution.limit(busy=False) == 1
        caution.learn(Slots(catalog, 4, 4), 102)
        assert caution.limit(busy=False) == 1
        another = Slots(catalog, 4, 4)
        another.admit("two", runnable())
        caution.learn(another, 103)
        assert caution.limit(busy=False) is None


class TestManySuspects:
    def test_are_not_kept_from_others_by_a_worker_that_runs_them_one_by_one(self, memory: Store) -> None:
        stage = Stage(opened=True)
        squidie = memory.open(Held, resources=on(stage))
        runs = [squidie.start(Held.begin) for _ in range(12)]
        for deliveries in range(1, SUSPECT_DELIVERIES + 1):
            eventually(partial(lose_all, squidie, runs, deliveries))
        with working(squidie):
            eventually(lambda: all(squidie.inspect_run(run).terminal for run in runs))
        assert len(stage.calls) == len(runs)
        # The first look finds as many as there are slots, and leaves all but one.
        assert squidie.metrics().due_runs <= len(runs) + 4


def lose_all(squidie: Squidie, runs: list[Snapshot], deliveries: int) -> bool:
    """Take every attempt as a worker does that dies then; whether all were taken so often."""
    engine = Engine(squidie.store, EngineOptions(queue="default", owner_id="dead", lease_for=100))
    engine.tick(Slots(squidie.store.catalog, 100, 0), poll=True)
    return all(squidie.inspect_run(run).attempts[0].deliveries == deliveries for run in runs)
