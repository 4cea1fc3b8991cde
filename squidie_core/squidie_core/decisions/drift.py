"""Runs that ask to fail where their definition is not today's (`on_drift="fail"`)."""

from __future__ import annotations

from squidie_core.decisions.draft import Draft
from squidie_core.definition.plan import Plan
from squidie_core.errors import InvalidTransitionError
from squidie_core.journal.entries import AttemptFailed, Json, RunTerminal

CODE = "incompatible_workflow_definition"


def fail_drifted(draft: Draft, current: Plan, max_skew: int) -> None:
    """Fail the run at the step that is due, if one is: no error route is taken and nothing is undone.

    A rollback that is under way goes on.
    """
    state = draft.state
    if state.terminal or state.rollback is not None:
        return
    due = next(state.visible(draft.at, max_skew), None)
    if due is None:
        return
    error: dict[str, Json] = {
        "code": CODE,
        "message": _words(draft.plan, current),
        "details": _details(draft.plan, current),
        "retryable": False,
    }
    draft.emit(AttemptFailed(draft.at, due.key, None, error))
    draft.emit(RunTerminal(draft.at, "failed", {**error, "step": due.step, "runnable_key": due.key}))


def refuse_drifted(run_id: str, pinned: Plan, current: Plan) -> InvalidTransitionError:
    """The error for a command that would have the run go on."""
    return InvalidTransitionError(
        f"run {run_id} cannot go on: {_words(pinned, current)}; cancel it, or decide where its own version runs",
        code=CODE,
        details={"run_id": run_id, "retryable": False, **_details(pinned, current)},
    )


def _words(pinned: Plan, current: Plan) -> str:
    versions = [plan.definition.version or plan.fingerprint[:12] for plan in (pinned, current)]
    return (
        f"workflow {pinned.definition.name!r} says on_drift='fail', the run goes by version {versions[0]} "
        f"and the code here is version {versions[1]}"
    )


def _details(pinned: Plan, current: Plan) -> dict[str, Json]:
    return {
        "persisted_version": pinned.definition.version,
        "persisted_fingerprint": pinned.fingerprint,
        "current_version": current.definition.version,
        "current_fingerprint": current.fingerprint,
    }
