"""New code under runs that were started by old code: what goes on, what waits, what fails."""

from __future__ import annotations

from typing import Any

import pytest

from squidie_core import InvalidTransitionError, Snapshot, Squidie, Workflow, end, sequence, step, trigger
from tests.runtime.stores import Store, assert_consistent

CODE = "incompatible_workflow_definition"


def first() -> dict[str, Any]:
    return {"one": 1}


def second(one: int) -> dict[str, Any]:
    return {"two": one + 1}


def choosy(one: int, colour: str) -> dict[str, Any]:
    return {"two": f"{colour} {one}"}


class Old(Workflow, name="evolving", version="1"):
    begin = trigger.manual()
    first = step(first)
    second = step(second)
    transitions = sequence(first, second)


class StepRenamed(Workflow, name="evolving", version="2"):
    begin = trigger.manual()
    first = step(first)
    another = step(second)
    transitions = sequence(first, another)


class StepRemoved(Workflow, name="evolving", version="2"):
    begin = trigger.manual()
    first = step(first)


class KindChanged(Workflow, name="evolving", version="2"):
    begin = trigger.manual()
    first = step(first)
    second = step.pause()
    transitions = sequence(first, second)


class ParameterAdded(Workflow, name="evolving", version="2"):
    begin = trigger.manual(colour=str)
    first = step(first)
    second = step(choosy)
    transitions = sequence(first, second)


class OutputRenamed(Workflow, name="evolving", version="2"):
    begin = trigger.manual()
    first = step(first)
    second = step(second, output="result")
    transitions = sequence(first, second)


class WorkflowRenamed(Workflow, name="evolved", version="2"):
    begin = trigger.manual()
    first = step(first)
    second = step(second)
    transitions = sequence(first, second)


def undo(one: int) -> None:
    raise AssertionError(f"{one} was undone")


class Strict(Workflow, name="strict", version="1", on_drift="fail"):
    """What follows a failure, but for drift: an error route, and undoing."""

    begin = trigger.manual()
    first = step(first, compensate=undo)
    second = step(second)
    transitions = (first.ok.to(second), first.error.to(end), second.ok.to(end), second.error.to(end))


class StrictToo(Workflow, name="strict", version="2", on_drift="fail"):
    """The step that comes next is gone."""

    begin = trigger.manual()
    first = step(first)


class Held(Workflow, name="held", version="1", on_drift="fail"):
    begin = trigger.manual()
    hide = step.pause()
    council = step.approval()
    transitions = (*sequence(hide, council), council.ok.to(end), council.error.to(end))


class HeldToo(Workflow, name="held", version="2", on_drift="continue"):
    begin = trigger.manual()
    hide = step.pause()


def half_way(store: Store, workflow: type[Workflow]) -> Snapshot:
    squidie = store.open(workflow)
    run = squidie.start(workflow)
    assert squidie.execute_next() is not None
    return squidie.inspect_run(run)


class TestGoingOn:
    @pytest.mark.parametrize("now", [StepRenamed, StepRemoved, KindChanged])
    def test_a_step_whose_code_is_gone_waits_for_who_has_it(self, store: Store, now: type[Workflow]) -> None:
        run = half_way(store, Old)
        today = store.open(now)
        assert today.drain() == 0
        waiting = today.inspect_run(run)
        assert (waiting.status, waiting.reason, waiting.rev) == ("running", "step_unavailable", run.rev)
        assert store.open(Old).drain() == 1
        assert today.inspect_run(run).context["two"] == 2

    def test_a_workflow_that_has_another_name_is_not_offered(self, memory: Store) -> None:
        run = half_way(memory, Old)
        assert memory.open(WorkflowRenamed).drain() == 0
        assert memory.open(WorkflowRenamed).inspect_run(run).status == "running"

    def test_an_output_that_has_another_name_stands_under_the_old_one(self, memory: Store) -> None:
        run = half_way(memory, Old)
        today = memory.open(OutputRenamed)
        assert today.drain() == 1
        done = today.inspect_run(run)
        assert (done.status, done.context) == ("completed", {"one": 1, "two": 2})
        assert done.output(OutputRenamed.second) == {"two": 2}

    def test_a_parameter_that_old_runs_do_not_have_fails_the_step(self, memory: Store) -> None:
        run = half_way(memory, Old)
        today = memory.open(ParameterAdded)
        today.drain()
        failed = today.inspect_run(run)
        assert failed.error is not None
        assert (failed.status, failed.error["code"], failed.error["step"]) == ("failed", "invalid_step_input", "second")


def assert_drifted(error: Any) -> None:
    assert error["persisted_version"] == "1"
    assert error["current_version"] == "2"
    assert len({error["persisted_fingerprint"], error["current_fingerprint"]}) == 2


class TestFailing:
    def test_a_run_that_asks_for_it_fails_at_its_next_step(self, store: Store) -> None:
        run = half_way(store, Strict)
        today = store.open(StrictToo)
        today.drain()
        failed = today.inspect_run(run)
        assert failed.error is not None
        assert (failed.status, failed.error["code"], failed.error["step"]) == ("failed", CODE, "second")
        assert_drifted(failed.error["details"])
        assert [view.status for view in failed.attempts] == ["applied", "failed"]
        assert_consistent(today, run)

    def test_under_the_same_code_it_goes_on(self, store: Store) -> None:
        run = half_way(store, Strict)
        squidie = store.open(Strict)
        squidie.drain()
        assert squidie.inspect_run(run).status == "completed"

    def test_where_the_workflow_is_not_known_it_waits(self, memory: Store) -> None:
        run = half_way(memory, Strict)
        assert memory.open(Old).drain() == 0
        assert memory.open(Old).inspect_run(run).status == "running"

    def test_what_is_claimed_by_old_code_ends(self, memory: Store) -> None:
        def deploy_meanwhile() -> dict[str, Any]:
            assert today.execute_next() is None
            return {"one": 1}

        class Watched(Workflow, name="watched", version="1", on_drift="fail"):
            begin = trigger.manual()
            first = step(deploy_meanwhile)

        class WatchedToo(Workflow, name="watched", version="2", on_drift="fail"):
            begin = trigger.manual()
            first = step(first, irreversible=True)

        old, today = memory.open(Watched), memory.open(WatchedToo)
        run = old.start(Watched.begin)
        old.drain()
        assert today.inspect_run(run).status == "completed"


class TestCommands:
    def held(self, store: Store) -> tuple[Snapshot, Squidie]:
        return store.open(Held).start(Held.begin), store.open(HeldToo)

    def test_that_would_have_it_go_on_are_refused_before_anything_is_written(self, store: Store) -> None:
        run, today = self.held(store)
        with pytest.raises(InvalidTransitionError) as refused:
            today.resume(run)
        assert refused.value.code == CODE
        assert refused.value.details["retryable"] is False
        assert_drifted(refused.value.details)
        assert today.inspect_run(run).rev == run.rev
        with pytest.raises(InvalidTransitionError) as refused:
            today.replay(run)
        assert refused.value.code == CODE
        assert today.replay(run, definition="current").version == "2"

    def test_that_were_received_before_are_answered(self, memory: Store) -> None:
        run, today = self.held(memory)
        memory.open(Held).resume(run, idempotency_key="k")
        assert today.resume(run, idempotency_key="k").id == run.id

    def test_that_end_it_are_not_refused(self, memory: Store) -> None:
        run, today = self.held(memory)
        assert today.cancel(run).status == "cancelled"

    def test_from_where_the_workflow_is_not_known_are_not_refused(self, memory: Store) -> None:
        run, _ = self.held(memory)
        assert memory.open().resume(run).waiting_for is not None
