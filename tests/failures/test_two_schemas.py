"""Expand, deploy, contract: workers of two builds of the library side by side on one database."""

from __future__ import annotations

from pathlib import Path

from tests.failures.flows import Good, Holding
from tests.failures.processes import Processes
from tests.runtime.stores import SqlStore, assert_consistent, claims_of
from tests.runtime.trails import Trail, along
from tests.runtime.waiting import eventually


def statuses(store: SqlStore) -> set[str]:
    return set(
        store.execute("select status from squidie_runs where namespace = %(namespace)s", {"namespace": store.namespace})
    )


class TestExpandDeployContract:
    def test_loses_no_run_and_keeps_out_whom_the_schema_does_not_suit(
        self, own_store: SqlStore, tmp_path: Path
    ) -> None:
        with Processes(own_store.url, tmp_path) as processes:
            trail = Trail(processes.trail)
            squidie = own_store.open(Good, Holding, resources=along(trail))
            old = processes.work(owner_id="old", lease_for=1)
            crew = [
                processes.prepare(owner_id="new", lease_for=1, build=2, migrate=True),
                processes.prepare(owner_id="late", lease_for=1),  # as when one of the old build is started once more
            ]
            for process in crew:
                process.wait_until_ready()
            runs = [squidie.start(Good.begin) for _ in range(30)]
            eventually(lambda: all(squidie.inspect_run(run).status == "completed" for run in runs))
            for run in runs:
                assert_consistent(squidie, run)

            for process in crew:
                process.terminate()
            held = squidie.start(Holding.begin)
            eventually(lambda: claims_of(squidie, held))
            newest = processes.work(owner_id="newest", lease_for=1, build=3, migrate=True)
            trail.write("go")  # the body's result is for an old worker to write, which cannot any more
            eventually(lambda: statuses(own_store) == {"completed"})
            eventually(lambda: "newer than this client" in old.log)
            assert old.alive
            refusal = processes.prepare(owner_id="too late").refusal()
            assert refusal.startswith("schema: ")
            assert "no client older than 2 works with, and this one is 1; upgrade squidie-storage-sql" in refusal
            newest.terminate()
