"""Four processes that append to the same runs in groups, and a stranger who keeps one of the runs locked."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Generator, Iterable
from contextlib import closing, contextmanager
from random import Random

import psycopg
import pytest

from squidie_contract.engine.appends import append, commits_of
from squidie_core.journal.commit import COMMITTED, Commit
from squidie_core.ports.storage import Storage
from squidie_storage_sql import SqlStorage, open_postgresql, open_sqlite
from tests.chaos.competitor import APPENDED, name
from tests.chaos.options import OPTIONS
from tests.processes import Process, Processes
from tests.runtime.waiting import eventually
from tests.servers import Postgres

RUNS = 256
PROCESSES = 4
ADVANCES = 3
"""How often each of the other runs is written to while one is locked."""

Results = dict[str, Counter[str]]
"""How often a commit to each run had each result."""


class Competition:
    """The processes, and what they reported so far."""

    def __init__(self, processes: list[Process]) -> None:
        self._processes = processes
        self.results: Results = {name(number): Counter() for number in range(RUNS)}

    def report(self) -> Results:
        """What became of the commits since the last report. Whoever answers has no commit in flight."""
        return self._ask("report")

    def stop(self) -> None:
        """Take in what is left, and let them end."""
        self._ask("stop")
        for process in self._processes:
            assert process.rest() == []

    def _ask(self, word: str) -> Results:
        for process in self._processes:
            process.tell(word)
        reported: Results = {one: Counter() for one in self.results}
        for process in self._processes:
            line = process.line()
            assert line, "a process waits for something, or has ended"
            for one, results in json.loads(line).items():
                reported[one].update(results)
                self.results[one].update(results)
        return reported


@contextmanager
def competition(storage: Storage, url: str, chosen: Random) -> Generator[Competition]:
    """Start the runs, and the processes that append to them."""
    assert set(storage.commit([Commit((append(name(number)),)) for number in range(RUNS)])) == {COMMITTED}
    with Processes("tests.chaos.competitor") as processes:
        yield Competition([processes.run(url, str(RUNS), str(chosen.random())) for _ in range(PROCESSES)])


def revs(storage: Storage, names: Iterable[str]) -> dict[str, int]:
    return {one: status.head.rev for one, status in storage.heads(list(names)).items()}


def wait_for_advances(storage: Storage, names: Iterable[str]) -> None:
    """Return when each of them was written to so often."""
    before = revs(storage, names)
    goal = {one: rev + ADVANCES * len(APPENDED) for one, rev in before.items()}
    eventually(lambda: all(rev >= goal[one] for one, rev in revs(storage, names).items()))


def assert_all_accounted_for(storage: Storage, results: Results) -> None:
    """Each journal is whole, and holds what was accepted and nothing else."""
    for one, counted in results.items():
        assert counted.keys() <= {"Committed", "Conflict", "Busy"}
        commits = commits_of(storage, one)
        rev, previous = 0, 0
        for commit in commits:
            assert (commit.rev, commit.previous) == (rev + 1, previous)
            rev, previous = commit.head
        assert len({commit.commit_id for commit in commits}) == len(commits)
        assert len(commits) == 1 + counted["Committed"]
        assert storage.heads([one])[one].head == (rev, previous)


@contextmanager
def locked(url: str, run_id: str) -> Generator[None]:
    """Leave a transaction open that has locked the run's row."""
    with psycopg.connect(url, application_name="stranger") as connection:
        connection.execute("select from squidie_runs where run_id = %s for update", (run_id,))
        yield
        connection.rollback()


class TestGroupsOverTheSameRuns:
    def test_pass_by_a_run_that_a_stranger_keeps_locked_and_never_deadlock(
        self, server: Postgres, chosen: Random
    ) -> None:
        open_postgresql.migrate(server.url)
        with closing(open_postgresql(server.url)) as storage, competition(storage, server.url, chosen) as competing:
            end = time.monotonic() + OPTIONS.seconds
            rounds = 0
            while rounds == 0 or time.monotonic() < end:
                lock_one(server.url, storage, competing, name(chosen.randrange(RUNS)))
                rounds += 1
            competing.stop()
            assert_all_accounted_for(storage, competing.results)
        waits = [line for line in server.log.splitlines() if "still waiting" in line and "stranger" not in line]
        assert [line for line in waits if " transaction " in line or " tuple " in line] == []
        assert "deadlock detected" not in server.log
        with psycopg.connect(server.url) as connection:
            assert connection.execute("select sum(deadlocks) from pg_stat_database").fetchone() == (0,)

    def test_on_sqlite_lose_and_double_nothing(self, tmp_path_factory: pytest.TempPathFactory, chosen: Random) -> None:
        url = f"sqlite:///{tmp_path_factory.mktemp('groups')}/runs.db"
        with closing(open_sqlite(url)) as storage, competition(storage, url, chosen) as competing:
            end = time.monotonic() + OPTIONS.seconds
            while time.monotonic() < end:
                wait_for_advances(storage, competing.results)
            competing.stop()
            assert_all_accounted_for(storage, competing.results)


def lock_one(url: str, storage: SqlStorage, competing: Competition, chosen: str) -> None:
    """Lock a run until every other has gone on; meanwhile commits to it are busy, afterwards they go through."""
    others = [one for one in competing.results if one != chosen]
    with locked(url, chosen):
        competing.report()  # what was in flight when the lock came is over
        head = storage.heads([chosen])[chosen].head
        wait_for_advances(storage, others)
        assert competing.report()[chosen].keys() == {"Busy"}
        assert storage.heads([chosen])[chosen].head == head
    wait_for_advances(storage, [chosen])
