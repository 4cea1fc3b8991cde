"""What must hold of a run whenever it was written, beside what must hold of every run that crashed."""

from __future__ import annotations

from squidie_core import Squidie
from squidie_core.definition.plan import Plan
from squidie_core.errors import PurgedError
from squidie_core.state import RunState
from squidie_core.state.run import RunnableState

_MEANT = frozenset({"ConnectionError", "FailStep", "RetryStep"})
"""What bodies raise here."""


def assert_lawful(squidie: Squidie, state: RunState) -> None:
    """Time limits and deadlines as the run's own definition has them, lineage both ways, nothing left at the end."""
    plan = squidie.store.catalog.plan(state.definition, squidie.store.storage)
    for runnable in state.runnables.values():
        cause = (runnable.error or {}).get("type")
        assert cause is None or cause.rpartition(".")[2] in _MEANT, f"a body failed by a mistake: {runnable.error}"
        if runnable.kind != "compensation" and runnable.dynamic is None:
            _assert_in_time(runnable, plan)
            _assert_deadline(state, runnable, plan)
    _assert_lineage(squidie, state, plan)
    if state.status == "completed":
        _assert_done(state, plan)


def _assert_in_time(runnable: RunnableState, plan: Plan) -> None:
    """A result that came too late is none."""
    limit = plan.steps[runnable.step].definition.timeout
    if limit is not None and runnable.result is not None:
        assert (runnable.ended_at or 0) - (runnable.claimed_at or 0) < limit, "a late result was taken"


def _assert_deadline(state: RunState, runnable: RunnableState, plan: Plan) -> None:
    """Fresh for every retry, kept by a deferral; a gate's is known once it is open."""
    policy, deadline = plan.steps[runnable.step].definition.deadline, runnable.deadline
    if policy is None or deadline is None:
        assert deadline is None, "a deadline of no policy"
        began = runnable.kind == "run" or runnable.status in ("paused", "completed", "applied")
        assert policy is None or not began, "a deadline is missing"
        return
    assert deadline.due_at == deadline.started_at + policy.within, "another deadline than the step's"
    previous = None if runnable.previous is None else state.runnables[runnable.previous]
    if previous is not None and previous.attempt == runnable.attempt:
        assert deadline == previous.deadline, "a deferral moved the deadline"
    elif runnable.kind == "run":
        assert deadline.started_at == runnable.visible_at, "the deadline counts from another time"


def _assert_lineage(squidie: Squidie, state: RunState, plan: Plan) -> None:
    """Parents and children know each other, and what waits for its children is applied after them."""
    origin = state.parent
    if origin is not None and (parent := _state_of(squidie, origin["run_id"])) is not None:
        link = parent.children.get(origin["step"], origin["child_key"])
        assert link is not None, "its parent does not know it"
        assert link.run_id == state.run_id, "its parent knows another run in its place"
    through = {
        (runnable.step, runnable.visit)
        for runnable in state.runnables.values()
        if (runnable.kind, runnable.status, runnable.deferred) == ("run", "applied", None)
        and runnable.result is not None
    }
    for child in state.children:
        known = _state_of(squidie, child.run_id)
        assert known is None or known.parent is not None, "a child does not know its parent"
        assert known is None or child.status is None or known.terminal, "a child has ended that is under way"
        begun = state.runnables[child.runnable_key]
        if (begun.step, begun.visit) in through and plan.steps[begun.step].definition.await_children:
            assert child.status is not None, "a step was applied before its children had ended"


def _state_of(squidie: Squidie, run_id: str) -> RunState | None:
    """`None`: it was purged. Raises NotFoundError where it never was."""
    try:
        return squidie.store.state(run_id)
    except PurgedError:
        return None


def _assert_done(state: RunState, plan: Plan) -> None:
    """A run that completed has nothing left to do."""
    assert not state.open, "it ended with work under way"
    if plan.uses_dependencies:
        assert state.applied_steps - state.nodes.keys() == set(plan.steps), "it ended before all steps were applied"
    for work in state.dynamic_work.values():
        nodes = {node.id for node in work.nodes}
        expected = nodes if work.status == "scheduled" else set[str]()
        assert state.applied_steps & nodes == expected, "it ended before all nodes were applied, or one was recorded"
