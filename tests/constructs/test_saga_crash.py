"""A process that is killed in the middle of a rollback."""

from __future__ import annotations

from pathlib import Path

from squidie_core.journal.entries import AttemptCompleted
from tests.runtime.processes import Clients
from tests.runtime.stores import SqliteStore, assert_consistent, entries_of
from tests.runtime.trails import Retreat, Trail, along
from tests.runtime.waiting import eventually


def test_the_rollback_goes_on_where_it_was(tmp_path: Path) -> None:
    """The callbacks that have come back are not called again; the one that was cut off is, and then the rest."""
    store, trail = SqliteStore(tmp_path / "runs.db"), Trail(tmp_path / "trail")
    squidie = store.open(Retreat, resources=along(trail))
    run = squidie.start(Retreat.begin)
    third, second, first = (f"{run.id}:compensate:{name}:1" for name in ("third", "second", "first"))
    with Clients(store.url, trail.path) as processes:
        victim = processes.start("work", "1", "2", "1")
        eventually(lambda: second in trail.lines())
        victim.kill()
        assert squidie.inspect_run(run).reason == "compensating"
        processes.start("work", "1", "2", "1")
        eventually(lambda: squidie.inspect_run(run).terminal)
    assert trail.lines()[-4:] == [third, second, second, first]
    found = squidie.inspect_run(run)
    assert (found.status, found.compensation_errors) == ("failed", ())
    assert found.error is not None
    assert found.error["message"] == "no way through"
    callbacks = [view for view in found.attempts if view.kind == "compensation"]
    assert [(view.step, view.deliveries) for view in callbacks] == [("third", 1), ("second", 2), ("first", 1)]
    completed = [entry.runnable_key for entry in entries_of(squidie, run) if isinstance(entry, AttemptCompleted)]
    assert completed[-3:] == [third, second, first]
    assert_consistent(squidie, run)
    store.close()
