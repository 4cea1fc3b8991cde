"""A worker that is killed without warning: nothing is lost, and nothing takes effect twice. `tests/chaos` has many."""

from __future__ import annotations

from pathlib import Path

from squidie_core import Snapshot, Squidie
from squidie_core.journal.entries import AttemptCompleted, RunnableApplied
from tests.runtime.processes import Clients
from tests.runtime.stores import SharedStore, assert_consistent, claims_of, entries_of
from tests.runtime.trails import Perilous, Trail, along
from tests.runtime.waiting import eventually

LEASE = "1"


def applied(squidie: Squidie, run: Snapshot | str) -> list[str]:
    """The steps whose results took effect, in order."""
    return [
        entry.runnable_key.split(":")[1] for entry in entries_of(squidie, run) if isinstance(entry, RunnableApplied)
    ]


class TestOneKill:
    def test_in_the_middle_of_a_step_loses_nothing_and_another_worker_takes_over(
        self, shared_store: SharedStore, tmp_path: Path
    ) -> None:
        trail = Trail(tmp_path / "trail")
        squidie = shared_store.open(Perilous, resources=along(trail))
        run = squidie.start(Perilous.begin)
        stuck = f"{run.id}:inside:1"
        with Clients(shared_store.url, trail.path) as processes:
            first = processes.start("work", LEASE, "1", "2")
            eventually(lambda: stuck in trail.lines())
            first.kill()
            assert squidie.inspect_run(run).status == "running"
            processes.start("work", LEASE, "1", "2")
            eventually(lambda: squidie.inspect_run(run).terminal)
        done = squidie.inspect_run(run)
        assert done.status == "completed"
        assert [(view.step, view.deliveries) for view in done.attempts] == [("before", 1), ("inside", 2), ("after", 1)]
        assert trail.lines() == [f"{run.id}:before:1", stuck, stuck, f"{run.id}:after:1"]
        owners = [claim.owner_id for claim in claims_of(squidie, run) if claim.runnable_key == stuck]
        assert len(set(owners)) == 2
        completions = [entry.runnable_key for entry in entries_of(squidie, run) if isinstance(entry, AttemptCompleted)]
        assert completions.count(stuck) == 1
        assert applied(squidie, run) == ["before", "inside", "after"]
        assert_consistent(squidie, run)
