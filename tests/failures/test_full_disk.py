"""A SQLite file for which there is no more room: a clear word, nothing lost, and on it goes once there is room."""

from __future__ import annotations

import signal
import sqlite3
from pathlib import Path
from typing import cast

import pytest

from squidie_core import Snapshot, Squidie, Unavailable
from squidie_storage_sql import SqlStorage
from squidie_storage_sql.sqlite.database import SqliteDatabase
from tests.failures.flows import ALL, Good, Holding
from tests.failures.processes import Processes
from tests.runtime.stores import SqliteStore, assert_consistent, claims_of, working
from tests.runtime.trails import Trail, along
from tests.runtime.waiting import eventually

DID_NOT_ANSWER = "the store did not answer; trying again"


def writing(squidie: Squidie) -> sqlite3.Connection:
    """The one connection that the client writes with; by a pragma of it SQLite itself refuses what is written."""
    writer = cast("SqliteDatabase", cast("SqlStorage", squidie.store.storage).database).writer
    with writer.transaction() as connection:
        return connection


def start_until_refused(squidie: Squidie) -> tuple[list[Snapshot], Unavailable]:
    """There may be room in the pages that the file has."""
    runs: list[Snapshot] = []
    try:
        while len(runs) < 1000:
            runs.append(squidie.start(Good.begin, tags=["x" * 60]))
    except Unavailable as refused:
        return runs, refused
    pytest.fail("the disk never was full")


def row_counts(store: SqliteStore) -> list[int]:
    return store.execute("select count(*) from squidie_runs union all select count(*) from squidie_commits", {})


class TestAFullDisk:
    def test_is_unavailable_and_keeps_what_is_there(
        self, sqlite: SqliteStore, caplog: pytest.LogCaptureFixture
    ) -> None:
        squidie = sqlite.open(Good)
        before = [squidie.start(Good.begin) for _ in range(40)]
        connection = writing(squidie)
        connection.execute("pragma max_page_count = 1")  # as many as there are
        runs, refused = start_until_refused(squidie)
        assert (refused.code, refused.outcome) == ("unavailable", "none")
        assert "full" in refused.message
        counted = row_counts(sqlite)
        with pytest.raises(Unavailable, match="full"):
            squidie.start(Good.begin, idempotency_key="k" * 200)
        assert row_counts(sqlite) == counted
        assert {squidie.inspect_run(run).status for run in before} == {"running"}
        with working(squidie):
            eventually(lambda: DID_NOT_ANSWER in caplog.text)
            connection.execute("pragma max_page_count = 1000000")
            again = squidie.start(Good.begin, idempotency_key="k" * 200)
            eventually(lambda: not squidie.list_runs(status="running", limit=1).runs)
        for run in (*before, *runs, again):
            assert squidie.inspect_run(run).status == "completed"
            assert_consistent(squidie, run)

    def test_that_stops_a_worker_in_its_work_loses_nothing(self, sqlite: SqliteStore, tmp_path: Path) -> None:
        """The worker may not let any file grow: the kernel refuses its writes."""
        with Processes(sqlite.url, tmp_path) as processes:
            trail = Trail(processes.trail)
            squidie = sqlite.open(*ALL, resources=along(trail))
            runs = [squidie.start(Good.begin) for _ in range(40)]
            held = squidie.start(Holding.begin, priority=0)
            worker = processes.work(concurrency=2, lease_for=1)
            eventually(lambda: claims_of(squidie, held))
            worker.signal(signal.SIGUSR1)
            runs += [squidie.start(Good.begin) for _ in range(40)]
            eventually(lambda: DID_NOT_ANSWER in worker.log)
            assert worker.alive
            trail.write("go")
            worker.signal(signal.SIGUSR2)
            eventually(lambda: not squidie.list_runs(status="running", limit=1).runs)
            worker.terminate()
        for run in (held, *runs):
            assert squidie.inspect_run(run).status == "completed"
            assert_consistent(squidie, run)

    def test_a_file_that_may_only_be_read_is_unavailable(
        self, sqlite: SqliteStore, caplog: pytest.LogCaptureFixture
    ) -> None:
        squidie = sqlite.open(Good)
        run = squidie.start(Good.begin)
        connection = writing(squidie)
        connection.execute("pragma query_only = on")
        with pytest.raises(Unavailable, match="readonly") as refused:
            squidie.start(Good.begin)
        assert refused.value.outcome == "none"
        with working(squidie):
            eventually(lambda: DID_NOT_ANSWER in caplog.text)
            connection.execute("pragma query_only = off")
            eventually(lambda: squidie.inspect_run(run).status == "completed")
