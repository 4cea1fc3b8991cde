"""Undoing what a run did before it ends: callbacks, one at a time, the step that was applied last comes first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from squidie_core.decisions.draft import Draft
from squidie_core.journal.entries import (
    CompensationStarted,
    Json,
    Runnable,
    RunnableApplied,
    RunnablesPlanned,
    RunTerminal,
)
from squidie_core.journal.identity import compensation_key
from squidie_core.state.run import RunnableState


def fail_run(draft: Draft, error: Mapping[str, Json]) -> None:
    """The run has failed for good: undo what it did, and end it."""
    undo(draft, "failed", error)


def undo(draft: Draft, status: Literal["failed", "cancelled"], error: Mapping[str, Json] | None) -> None:
    """Let nothing go on, call back the steps that were applied and say how, and then end the run with `status`.

    Those that wait for their children only have done their work too.
    """
    state = draft.state
    waiting = {state.runnables[key].step for key in state.joins}
    steps = tuple(name for name in draft.plan.compensations if name in state.applied_steps or name in waiting)
    if not steps:
        draft.emit(RunTerminal(draft.at, status, error))
        return
    draft.emit(CompensationStarted(draft.at, status, steps, error))
    undo_next(draft)


def undone(draft: Draft, runnable: RunnableState) -> None:
    """The callback has come back."""
    draft.emit(RunnableApplied(draft.at, runnable.key))
    undo_next(draft)


def undo_next(draft: Draft) -> None:
    """Plan the next callback of the rollback, or end the run where there is none."""
    state = draft.state
    rollback = state.rollback
    assert rollback is not None, "callbacks are planned in a rollback"  # noqa: S101
    if rollback.begun == len(rollback.order):
        draft.emit(RunTerminal(draft.at, rollback.status, state.error))
        return
    origin = state.runnables[rollback.order[rollback.begun]]
    callback = Runnable(
        key=compensation_key(state.run_id, origin.step, origin.visit, 1),
        step=origin.step,
        visible_at=draft.at,
        kind="compensation",
        visit=origin.visit,
        previous=origin.key,
    )
    draft.emit(RunnablesPlanned(draft.at, (callback,)))
