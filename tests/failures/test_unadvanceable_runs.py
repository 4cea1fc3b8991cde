"""Thousands of runs that no worker here can advance: the others are not delayed, and these are not forgotten."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from squidie_core import Snapshot, Squidie, Workflow, step, trigger
from squidie_storage_sql import open_postgresql, open_sqlite
from tests.failures.counting import Counting
from tests.failures.flows import Good, nothing
from tests.runtime.stores import SqlStore, assert_consistent, working
from tests.runtime.waiting import eventually

SLOTS = 4


class Moved(Workflow, name="moved", version="1"):
    begin = trigger.manual()
    gone = step(nothing)


class MovedOn(Workflow, name="moved", version="2"):
    begin = trigger.manual()
    kept = step(nothing)


class Elsewhere(Workflow, name="elsewhere"):
    begin = trigger.manual()
    act = step(nothing)


class Wide(Workflow, name="wide", version="1"):
    """So many steps at once that the index names none of them: workers have to look at the run itself."""

    begin = trigger.manual()
    s0, s1, s2, s3, s4 = step(nothing), step(nothing), step(nothing), step(nothing), step(nothing)
    s5, s6, s7, s8, s9 = step(nothing), step(nothing), step(nothing), step(nothing), step(nothing)


class Narrowed(Workflow, name="wide", version="2"):
    begin = trigger.manual()
    kept = step(nothing)


@contextmanager
def counted(store: SqlStore) -> Generator[Counting]:
    plugin = open_sqlite if store.name == "sqlite" else open_postgresql
    storage = Counting(plugin(store.url))
    yield storage
    storage.close()


def start_many(squidie: Squidie, trigger: Any, count: int) -> list[Snapshot]:
    """Start so many runs that come before all others."""
    return [
        run
        for first in range(0, count, 500)
        for run in squidie.start_many(trigger, [None] * min(500, count - first), priority=0)
    ]


def looks_until(storage: Counting, run: Snapshot, since: int = 0) -> int:
    """How often the worker looked for work from then on until it claimed the run."""
    eventually(lambda: run.id in storage.calls[since:])
    calls = storage.calls[since:]
    return calls[: calls.index(run.id)].count("due")


def from_a_newer_squidie(store: SqlStore, runs: list[Snapshot]) -> None:
    store.execute(
        "update squidie_runs set min_reader = 1000 where namespace = %(namespace)s "
        "and run_id >= %(first)s and run_id <= %(last)s",
        {"namespace": store.namespace, "first": min(run.id for run in runs), "last": max(run.id for run in runs)},
    )


class TestTenThousandRunsThatNobodyHereCanAdvance:
    def test_delay_no_other_and_go_on_when_a_worker_comes_that_can(self, store: SqlStore) -> None:
        elsewhere = store.open(Moved, Elsewhere, Good)
        moved = start_many(elsewhere, Moved.begin, 5_000)
        foreign = start_many(elsewhere, Elsewhere.begin, 3_000)
        newer = start_many(elsewhere, Good.begin, 2_000)
        from_a_newer_squidie(store, newer)
        with counted(store) as storage:
            here = Squidie(storage, workflows=[MovedOn, Good])
            with working(here, concurrency=SLOTS):
                eventually(lambda: "due" in storage.calls)
                for _ in range(5):
                    since = len(storage.calls)
                    run = elsewhere.start(Good.begin, priority=9)
                    assert looks_until(storage, run, since) <= 2
                    eventually(lambda run=run: here.inspect_run(run).status == "completed")  # type: ignore[misc]
            assert storage.parkings == 0
            waiting = here.inspect_run(moved[-1])
            assert (waiting.status, waiting.reason) == ("running", "step_unavailable")
            assert waiting.waiting_for is not None
            assert (waiting.waiting_for.kind, waiting.waiting_for.step) == ("worker", "gone")
        able = store.open(Moved, Elsewhere)
        some = [*moved[:100], *foreign[:100]]
        with working(able, concurrency=32):
            eventually(lambda: all(able.inspect_run(run).status == "completed" for run in some))
        assert_consistent(able, some[0])
        heads = able.store.storage.heads([run.id for run in newer])
        assert {head.head.rev for head in heads.values()} == {newer[0].rev}
        stuck = next(finding for finding in able.doctor(stuck_after=0).findings if finding.check == "stuck")
        assert "unknown_version: " in stuck.message
        assert "upgrade the workers" in stuck.hint


class TestRunsThatWorkersMustLookAt:
    def test_are_looked_at_by_the_hundred(self, store: SqlStore) -> None:
        before = store.open(Wide, Good)
        wide = start_many(before, Wide.begin, 1_500)
        run = before.start(Good.begin, priority=9)
        with counted(store) as storage:
            now = Squidie(storage, workflows=[Narrowed, Good])
            with working(now, concurrency=SLOTS):
                assert looks_until(storage, run) <= 20
                eventually(lambda: now.inspect_run(run).status == "completed")
            assert storage.parkings <= 40
            assert now.inspect_run(wide[0]).reason == "step_unavailable"

    def test_do_not_keep_execute_next_from_the_others_and_go_on_when_a_worker_comes(self, store: SqlStore) -> None:
        before = store.open(Wide, Good)
        wide = start_many(before, Wide.begin, 150)
        run = before.start(Good.begin, priority=9)
        now = store.open(Narrowed, Good)
        assert now.drain() == 3
        assert now.inspect_run(run).status == "completed"
        assert {row.parked for row in now.list_runs(workflow="wide", limit=5).runs} == {"step_unavailable"}
        with working(before, concurrency=32):
            eventually(lambda: all(before.inspect_run(one).status == "completed" for one in wide[:20]))
        assert_consistent(before, wide[0])
