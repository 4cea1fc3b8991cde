"""Workers whose clocks are a minute and an hour off, beside one whose clock is right.

PostgreSQL's own clock rules, so theirs are of no consequence. At a SQLite file the machine's clock rules, and as its
write-ahead log lives in shared memory, all processes have the same machine. Where one sees another time all the same,
it may take over what others still work on, and what it plans comes late or early; but nothing is lost or applied twice.
"""

from __future__ import annotations

import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

from squidie_core import Snapshot, Squidie
from squidie_core.journal.entries import AttemptHeartbeat
from tests.failures.flows import ALL, PAUSE, Holding, Timed
from tests.failures.processes import Process, Processes
from tests.runtime.stores import PostgresqlStore, SqliteStore, assert_consistent, claims_of, entries_of
from tests.runtime.trails import Trail, along
from tests.runtime.waiting import eventually

OFF = {"a minute ahead": 60, "a minute behind": -60, "an hour ahead": 3600, "an hour behind": -3600}
SLOTS = 3
STEPS = ["before", "rest", "retried", "retried", "deferred", "deferred", "after"]


def now() -> int:
    return time.time_ns() // 1_000_000


def stamps(trail: Trail, run: str) -> list[tuple[str, int]]:
    """The steps of the run that have begun, each with its time in milliseconds."""
    lines = (line.split() for line in trail.lines() if line.startswith(run))
    return [(name.removeprefix(f"{run}:"), int(at)) for name, at in lines]


def assert_took_its_time(trail: Trail, run: str) -> None:
    """The wait, the retry and the deferral were none that a clock cut short.

    A worker's idea of the store's time lags behind it by the way of an answer, which may take long on a busy machine.
    """
    times = stamps(trail, run)
    assert [step for step, _ in times] == ["before", "retried", "retried", "deferred", "deferred", "after"]
    at = [moment for _, moment in times]
    assert min(at[1] - at[0], at[2] - at[1], at[4] - at[3]) >= PAUSE * 500


def assert_orderly(squidie: Squidie, run: str) -> None:
    """Complete, each step applied once, and time never went back in it."""
    found = squidie.inspect_run(run)
    assert found.status == "completed"
    assert [view.step for view in found.attempts] == STEPS
    assert_consistent(squidie, run)
    assert all(one.at <= next_.at for one, next_ in pairwise(entries_of(squidie, run)))


def all_work(processes: Processes, *owners: str) -> dict[str, Process]:
    """A worker with each clock, by the name of its owner; each starts a run first."""
    workers = {
        owner: processes.prepare(
            owner_id=owner, clock=OFF.get(owner, 0), concurrency=SLOTS, lease_for=1, starts="Timed"
        )
        for owner in owners
    }
    for worker in workers.values():
        worker.wait_until_ready()
    return workers


def over(squidie: Squidie, count: int) -> list[str]:
    """The ids of so many runs of `Timed`, once they are over."""
    running = squidie.list_runs
    eventually(lambda: not running(workflow=Timed, status="running", limit=1).runs)
    runs = [row.id for row in squidie.list_runs(workflow=Timed).runs]
    assert len(runs) == count
    return runs


class TestOnPostgresql:
    def test_a_clock_that_is_off_is_of_no_consequence(self, postgresql: PostgresqlStore, tmp_path: Path) -> None:
        began = now()
        with Processes(postgresql.url, tmp_path) as processes:
            trail = Trail(processes.trail)
            squidie = postgresql.open(*ALL, resources=along(trail))
            workers = all_work(processes, "right", *OFF)
            held = [squidie.start(Holding.begin) for _ in range(3 * SLOTS)]
            eventually(lambda: all(claims_of(squidie, run) for run in held))
            timed = [squidie.start(Timed.begin, delay=PAUSE) for _ in range(12)]
            eventually(lambda: all(heartbeats(squidie, run) >= 2 for run in held))
            runs = over(squidie, len(timed) + len(workers))
            trail.write("go")
            eventually(lambda: all(squidie.inspect_run(run).status == "completed" for run in held))
            for owner, process in workers.items():
                process.terminate()
                assert ("WARNING squidie.clock" in process.log) == (owner in OFF), process.log
                assert "is lost" not in process.log
        for run in runs:
            assert_orderly(squidie, run)
            assert_took_its_time(trail, run)
        for run in [*runs, *(one.id for one in held)]:
            assert all(began <= entry.at <= now() for entry in entries_of(squidie, run))
            keys = Counter(claim.runnable_key for claim in claims_of(squidie, run))
            assert set(keys.values()) == {1}
        owners = {claim.owner_id for run in held for claim in claims_of(squidie, run)}
        assert len(owners) >= 3


def heartbeats(squidie: Squidie, run: Snapshot) -> int:
    return sum(isinstance(entry, AttemptHeartbeat) for entry in entries_of(squidie, run))


class TestOnSqlite:
    def test_a_clock_that_is_off_does_no_lasting_harm(self, sqlite: SqliteStore, tmp_path: Path) -> None:
        with Processes(sqlite.url, tmp_path) as processes:
            trail = Trail(processes.trail)
            squidie = sqlite.open(*ALL, resources=along(trail))
            workers = all_work(processes, "right", "a minute ahead", "an hour behind")
            timed = [squidie.start(Timed.begin) for _ in range(12)]
            runs = over(squidie, len(timed) + len(workers))
            for process in workers.values():
                process.terminate()
        for run in runs:
            assert_orderly(squidie, run)
        owners = {claim.owner_id for run in runs for claim in claims_of(squidie, run)}
        assert "a minute ahead" in owners
