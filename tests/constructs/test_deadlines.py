"""Deadlines of steps and gates: evidence that stands in the journal and that hosts act on."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from squidie_core import Deadline, Defer, Resource, RetryStep, Snapshot, StepContext, Workflow, end, sequence, step
from squidie_core import trigger as triggers
from squidie_core.cli.inspecting import snapshot_lines
from tests.constructs.clocked import ClockedStore
from tests.runtime.flows import Stage, on
from tests.runtime.stores import Store, assert_consistent
from tests.runtime.waiting import eventually


def pack(ctx: StepContext) -> dict[str, Any]:
    return {"due": ctx.deadline}


def unbound(ctx: StepContext) -> dict[str, Any]:
    return {"none": ctx.deadline}


class Errand(Workflow, name="errand"):
    begin = triggers.manual()
    pack = step(pack, deadline=Deadline(within=timedelta(days=1), due_soon=60))
    free = step(unbound)
    council = step.approval(output="council", deadline=Deadline(within=0.02, escalation="operator_action"))
    transitions = (*sequence(pack, free, council), council.ok.to(end), council.error.to(end))


def ask(ctx: StepContext, stage: Resource[Stage]) -> dict[str, Any] | Defer:
    looks = stage.begin(ctx)
    if looks == 1:
        return Defer("not yet", after=10)
    if looks == 2:
        raise RetryStep("busy", after=5)
    return {}


class Asking(Workflow, name="asking"):
    begin = triggers.manual()
    ask = step(ask, retry=2, deadline=Deadline(within=30, due_soon=5, escalate_after=60, escalation="host_callback"))


def standing(run: Snapshot) -> tuple[str, timedelta] | None:
    return None if run.deadline is None else (run.deadline.status, run.deadline.remaining)


class TestDeadlines:
    def test_are_known_to_bodies_and_to_whoever_looks(self, store: Store) -> None:
        squidie = store.open(Errand)
        run = squidie.start(Errand.begin)
        due = run.started_at + timedelta(days=1)
        assert run.deadline is not None
        assert (run.deadline.step, run.deadline.status, run.deadline.due_at) == ("pack", "on_time", due)
        squidie.drain()
        other = store.open(Errand)
        at_gate = eventually(lambda: (now := other.inspect_run(run)).deadline and now.deadline.overdue and now)
        assert isinstance(at_gate, Snapshot)
        assert (at_gate.status, at_gate.context) == ("paused", {"due": due, "none": None})
        assert at_gate.deadline is not None
        assert at_gate.waiting_for is not None
        assert (at_gate.deadline.step, at_gate.deadline.escalation) == ("council", "operator_action")
        assert at_gate.deadline.started_at == at_gate.waiting_for.since
        assert squidie.execute_next() is None, "that a gate is late gives no work"
        over = other.approve(at_gate, actor="elrond")
        assert (over.status, over.deadline) == ("completed", None)
        standings = {view.step: view.deadline and view.deadline.status for view in over.attempts}
        assert standings == {"pack": "on_time", "free": None, "council": "overdue"}
        assert_consistent(squidie, run)

    def test_a_deferral_keeps_its_deadline_and_a_retry_has_one_of_its_own(self, clocked: ClockedStore) -> None:
        squidie = clocked.open(Asking, resources=on(Stage()))
        run = squidie.start(Asking.begin)
        clocked.later(2_000)
        deferred = squidie.execute_next()
        assert deferred is not None
        assert standing(deferred) == ("on_time", timedelta(seconds=28))
        clocked.later(25_000)
        assert standing(squidie.inspect_run(run)) == ("due_soon", timedelta(seconds=3))
        clocked.later(63_000)
        late = squidie.inspect_run(run)
        assert standing(late) == ("escalated", timedelta(seconds=-60))
        assert (late.status, late.reason) == ("running", "attempt_visible")
        retried = squidie.execute_next()
        assert retried is not None
        assert standing(retried) == ("on_time", timedelta(seconds=35))
        clocked.later(5_000)
        done = squidie.execute_next()
        assert done is not None
        assert (done.status, done.deadline) == ("completed", None)
        ended = [view.deadline.status for view in done.attempts if view.deadline is not None]
        assert ended == ["on_time", "escalated", "on_time"]

    def test_a_run_that_is_cancelled_keeps_how_late_it_was_then(self, clocked: ClockedStore) -> None:
        squidie = clocked.open(Asking, resources=on(Stage()))
        run = squidie.start(Asking.begin)
        clocked.later(31_000)
        squidie.cancel(run)
        clocked.later(10**9)
        (attempt,) = squidie.inspect_run(run).attempts
        assert attempt.deadline is not None
        assert (attempt.deadline.status, attempt.deadline.remaining) == ("overdue", timedelta(seconds=-1))

    def test_are_plain_json_and_words(self, clocked: ClockedStore) -> None:
        squidie = clocked.open(Asking, resources=on(Stage()))
        run = squidie.start(Asking.begin)
        clocked.later(29_000)
        found = squidie.inspect_run(run)
        assert found == squidie.inspect_run(run)
        told = json.loads(json.dumps(found.to_dict()))["deadline"]
        assert datetime.fromisoformat(told["due_at"]) == run.started_at + timedelta(seconds=30)
        assert (told["status"], told["remaining_ms"], told["overdue"]) == ("due_soon", 1_000, False)
        (node,) = squidie.inspect_run_graph(run).nodes
        assert node.deadline == found.deadline
        assert node.to_dict()["deadline"]["status"] == "due_soon"
        assert any("due_soon, step ask, due" in line for line in snapshot_lines(found))
