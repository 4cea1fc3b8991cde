"""Runs that steps start, and steps that wait for them."""

from __future__ import annotations

from typing import Any

from squidie_core import Resource, Retry, Snapshot, Squidie, StepContext, Workflow, step, trigger
from squidie_core.journal.entries import ChildRunStarted, RunStarted
from tests.constructs.families import Packing, Shipping
from tests.runtime.flows import Order, Stage, on
from tests.runtime.stores import Store, assert_consistent, entries_of


def start_one(ctx: StepContext, stage: Resource[Stage]) -> dict[str, Any]:
    run = ctx.start_child(Packing.order, Order("1"), child_key="parcel", metadata={"why": "asked"})
    if stage.begin(ctx) == 1:
        raise ConnectionError("after the start")
    return {"child": run.id, "is_new": run.is_new}


class Careless(Workflow, name="careless"):
    """Starts a run, fails, and starts it again."""

    begin = trigger.manual()
    start_one = step(start_one, retry=Retry(2, backoff=None))


def drained(squidie: Squidie, run: Snapshot) -> Snapshot:
    squidie.drain(owner_id="w")
    return squidie.inspect_run(run)


class TestAChild:
    def test_is_started_once_for_all_attempts_at_the_step(self, store: Store) -> None:
        squidie = store.open(Careless, Packing, resources=on(Stage()))
        run = squidie.start(Careless.begin)
        done = drained(squidie, run)
        assert done.status == "completed", done.error
        assert not done.context["is_new"]
        (child,) = done.children
        assert child.id == done.context["child"]
        assert (child.step, child.child_key, child.metadata) == ("start_one", "parcel", {"why": "asked"})
        found = squidie.inspect_run(child.id)
        assert found.context["parcel"] == "1 for 1"
        assert found.parent is not None
        assert (found.parent.id, found.parent.step, found.parent.attempt) == (run.id, "start_one", 1)
        assert squidie.list_runs(workflow=Packing).runs[0].id == child.id
        assert [type(entry) for entry in entries_of(squidie, run)].count(ChildRunStarted) == 1
        assert [type(entry) for entry in entries_of(squidie, child.id)].count(RunStarted) == 1
        for each in (run.id, child.id):
            assert_consistent(squidie, each)


class TestAwaitedChildren:
    def test_are_joined_with_their_results_and_failures(self, store: Store) -> None:
        squidie = store.open(Shipping, Packing)
        run = squidie.start(Shipping.begin, {"orders": {"a": 1, "b": 2, "c": -1}})
        done = drained(squidie, run)
        assert done.status == "completed", done
        assert done.context["told"] == {"a": "completed", "b": "completed", "c": "failed"}
        assert done.output(Shipping.send_out) == {"sent": ["a", "b", "c"]}
        children = done.context["children"]
        assert children["a"]["output"] == {"parcel": "1 for a"}
        assert children["c"]["error"]["message"] == "nothing to pack"
        assert [child.status for child in done.children] == ["completed", "completed", "failed"]
        for each in (run.id, *(child.id for child in done.children)):
            assert_consistent(squidie, each)
