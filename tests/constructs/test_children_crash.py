"""A worker that is killed after its step has started a child, and before the step has completed."""

from __future__ import annotations

from pathlib import Path

from squidie_core.journal.entries import ChildRunStarted
from tests.runtime.processes import Clients
from tests.runtime.stores import SharedStore, assert_consistent, claims_of, entries_of
from tests.runtime.trails import Begetting, Single, Trail, along
from tests.runtime.waiting import eventually


def test_the_next_delivery_finds_the_child_and_the_join_is_made(shared_store: SharedStore, tmp_path: Path) -> None:
    trail = Trail(tmp_path / "trail")
    squidie = shared_store.open(Begetting, Single, resources=along(trail))
    run = squidie.start(Begetting.begin)
    fatal = f"{run.id}:beget:1"
    with Clients(shared_store.url, trail.path) as processes:
        first = processes.start("work", "3", "1", "1")
        assert first.line() == "", "its body ends it"
        (child,) = squidie.inspect_run(run).children
        assert squidie.inspect_run(child.id).status == "running", "its only thread had the body that ended it"
        processes.start("work", "30", "1", "2")
        eventually(lambda: squidie.inspect_run(run).terminal)
    done = squidie.inspect_run(run)
    assert done.status == "completed", done.error
    assert (done.context["child"], done.context["is_new"]) == (child.id, False)
    assert done.context["children"]["only"]["status"] == "completed"
    assert trail.lines().count(f"{child.id}:only:1") == 1
    assert len([entry for entry in entries_of(squidie, run) if isinstance(entry, ChildRunStarted)]) == 1
    assert trail.lines().count(fatal) == 2, "each of the two workers ran the body once"
    owners = [claim.owner_id for claim in claims_of(squidie, run) if claim.runnable_key == fatal]
    assert len(set(owners)) == 2, "a claim that came late is given back and taken again, as often as that is so"
    for each in (run.id, child.id):
        assert_consistent(squidie, each)
