"""What a rollback could not undo."""

from __future__ import annotations

from collections.abc import Mapping

from squidie_core.journal.entries import Json
from squidie_core.state import RunnableState, RunState


def compensation_errors(state: RunState) -> tuple[Mapping[str, Json], ...]:
    """An error for each callback that failed for good, and for each that the end of the run came before."""
    rollback = state.rollback
    if rollback is None:
        return ()
    errors = [
        _about(runnable, runnable.error or {})
        for runnable in state.runnables.values()
        if runnable.kind == "compensation" and runnable.status == "failed" and runnable.retry_key is None
    ]
    if state.terminal:
        errors += [_about(runnable, _ABANDONED) for runnable in state.open.values()]
        errors += [_about(state.runnables[key], _ABANDONED) for key in rollback.order[rollback.begun :]]
    return tuple(errors)


_ABANDONED: Mapping[str, Json] = {
    "code": "compensation_abandoned",
    "message": "the run was cancelled before the callback had come back",
}


def _about(runnable: RunnableState, error: Mapping[str, Json]) -> dict[str, Json]:
    return {**error, "step": runnable.step, "visit": runnable.visit, "runnable_key": runnable.key}
