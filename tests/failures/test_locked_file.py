"""A SQLite file that somebody else keeps locked for longer than we wait."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from squidie_core import Squidie, Unavailable
from tests.failures.flows import ALL, Good, Holding
from tests.failures.processes import Processes
from tests.runtime.stores import SqliteStore, assert_consistent, claims_of
from tests.runtime.trails import Trail, along
from tests.runtime.waiting import eventually

DID_NOT_ANSWER = "the store did not answer; trying again"
PATIENCE = "busy_timeout=0.1"


@contextmanager
def locked(store: SqliteStore) -> Generator[None]:
    """Let a stranger have the file to itself."""
    path, _, _ = store.url.removeprefix("sqlite:///").partition("?")
    with closing(sqlite3.connect(path, isolation_level=None, timeout=60)) as stranger:
        stranger.execute("begin exclusive")
        yield
        stranger.execute("rollback")


class TestALockedFile:
    def test_is_unavailable_for_every_write_and_nothing_is_lost(self, sqlite: SqliteStore) -> None:
        squidie = sqlite.open(Good)
        run = squidie.start(Good.begin)
        squidie.execute_next()
        with Squidie(f"{sqlite.url}&{PATIENCE}", workflows=[Good]) as impatient:
            with locked(sqlite):
                for write in (
                    lambda: impatient.start(Good.begin),
                    lambda: impatient.start_many(Good.begin, [None, None]),
                    lambda: impatient.cancel(run),
                    impatient.execute_next,
                    impatient.drain,
                ):
                    with pytest.raises(Unavailable, match=r"locked by another process for 0\.1 s") as refused:
                        write()
                    assert refused.value.outcome == "none"
                assert impatient.inspect_run(run).status == "running"
                assert [row.id for row in impatient.list_runs().runs] == [run.id]
            assert impatient.drain() == 2
            assert impatient.inspect_run(run).status == "completed"
            assert_consistent(impatient, run)

    def test_can_be_opened_meanwhile(self, sqlite: SqliteStore) -> None:
        run = sqlite.open(Good).start(Good.begin)
        with locked(sqlite), Squidie(f"{sqlite.url}&{PATIENCE}", workflows=[Good]) as late:
            assert late.inspect_run(run).status == "running"

    @pytest.mark.parametrize("heartbeat", [False, True], ids=["before a heartbeat", "after a heartbeat"])
    def test_is_outlived_by_a_worker_and_a_body_that_ends_meanwhile(
        self, sqlite: SqliteStore, tmp_path: Path, *, heartbeat: bool
    ) -> None:
        """Neither its result nor a heartbeat can be written until its lease is over; what is done is not done again."""
        with Processes(f"{sqlite.url}&{PATIENCE}", tmp_path) as processes:
            trail = Trail(processes.trail)
            squidie = sqlite.open(*ALL, resources=along(trail))
            held = squidie.start(Holding.begin)
            worker = processes.work(concurrency=1, lease_for=1)
            eventually(lambda: claims_of(squidie, held))
            waiting = squidie.start(Good.begin)
            with locked(sqlite):
                lapsed = squidie.store.state(held.id).wake_at() or 0
                if heartbeat:
                    eventually(lambda: DID_NOT_ANSWER in worker.log)
                    lapsed += 2_000  # it would be for twice as long
                trail.write("go")
                eventually(lambda: worker.log.count(DID_NOT_ANSWER) >= 3)
                eventually(lambda: squidie.store.clock.now() > lapsed)
                assert worker.alive
            for run in (held, waiting):
                eventually(lambda run=run: squidie.inspect_run(run).status == "completed")  # type: ignore[misc]
                assert_consistent(squidie, run)
            begun = [line.split()[0] for line in trail.lines() if line.startswith(held.id)]
            assert begun == [f"{held.id}:held", f"{held.id}:after"]
            worker.terminate()
            assert "locked by another process for 0.1 s" in worker.log
