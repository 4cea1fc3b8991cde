"""Runs that never end take every slot there is; what is started then gets through all the same."""

from __future__ import annotations

import pytest

from squidie_core import Snapshot, Squidie, Workflow
from tests.failures.flows import PLAIN, Circling, CirclingSoftly, Deferring, DeferringSoftly, Good, Retrying
from tests.failures.processes import Processes
from tests.runtime.stores import SharedStore, assert_consistent, claims_of, working
from tests.runtime.waiting import eventually

SLOTS = 3
CHAIN = 17
"""A slot may stay with a run for so many steps."""
LOOKS = 16
"""Every eighth look takes what has waited longest, whatever its priority; the loops may have done so once."""


def go_round(squidie: Squidie, loops: list[Snapshot]) -> None:
    """Return when each of the loops has gone on from where it is now."""
    ids = [loop.id for loop in loops]
    heads = squidie.store.storage.heads
    before = heads(ids)

    def all_went_on() -> bool:
        now = heads(ids)
        return all(now[loop].head.rev > before[loop].head.rev + 4 for loop in ids)

    eventually(all_went_on)


def steps_between(squidie: Squidie, loops: list[Snapshot], run: Snapshot) -> int:
    """How many attempts of the loops were begun while the run waited for its first."""
    begun = claims_of(squidie, run)[0].at
    started = squidie.store.state(run.id).started_at
    return sum(started < claim.at < begun for loop in loops for claim in claims_of(squidie, loop))


def assert_gets_through(squidie: Squidie, loops: list[Snapshot], slots: int, *, priority: int = 5) -> None:
    """A new run completes while the loops go on, and each slot went round a bounded number of times before it began."""
    go_round(squidie, loops)
    run = squidie.start(Good.begin, priority=priority)
    eventually(lambda: squidie.inspect_run(run).status == "completed")
    go_round(squidie, loops)
    assert steps_between(squidie, loops, run) <= CHAIN * (len(loops) + slots * LOOKS)
    assert_consistent(squidie, run)
    for loop in loops:
        found = squidie.inspect_run(loop)
        assert (found.status, found.anomalies) == ("running", ())


class TestEndlessLoops:
    @pytest.mark.parametrize("times", [1, 4], ids=["as many as slots", "four times as many"])
    @pytest.mark.parametrize("loop", [Circling, Deferring])
    def test_do_not_keep_a_new_run_from_one_worker(self, store: SharedStore, loop: type[Workflow], times: int) -> None:
        squidie = store.open(*PLAIN)
        loops = [squidie.start(loop) for _ in range(times * SLOTS)]
        with working(squidie, concurrency=SLOTS):
            assert_gets_through(squidie, loops, SLOTS)

    def test_do_not_keep_a_new_run_from_two(self, store: SharedStore, processes: Processes) -> None:
        squidie = store.open(*PLAIN)
        for _ in range(2):
            processes.work(concurrency=SLOTS)
        loops = [squidie.start(loop) for loop in (Circling, Deferring) for _ in range(SLOTS)]
        assert_gets_through(squidie, loops, 2 * SLOTS)
        loops += [squidie.start(loop) for loop in (Circling, Deferring) for _ in range(3 * SLOTS)]
        assert_gets_through(squidie, loops, 2 * SLOTS)


class TestOtherLoops:
    @pytest.mark.parametrize("loop", [CirclingSoftly, DeferringSoftly])
    def test_of_coroutines_do_not_either(self, store: SharedStore, loop: type[Workflow]) -> None:
        squidie = store.open(*PLAIN)
        loops = [squidie.start(loop) for _ in range(2 * SLOTS)]
        with working(squidie, concurrency=1, async_concurrency=SLOTS):
            assert_gets_through(squidie, loops, SLOTS)

    def test_of_retries_do_not_either(self, store: SharedStore) -> None:
        squidie = store.open(*PLAIN)
        loops = [squidie.start(Retrying) for _ in range(2 * SLOTS)]
        with working(squidie, concurrency=SLOTS):
            assert_gets_through(squidie, loops, SLOTS)

    def test_of_a_better_priority_do_not_either(self, store: SharedStore) -> None:
        squidie = store.open(*PLAIN)
        loops = [squidie.start(Circling, priority=0) for _ in range(2 * SLOTS)]
        with working(squidie, concurrency=SLOTS):
            assert_gets_through(squidie, loops, SLOTS, priority=9)
