"""The index row of a run, derived from its state."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from squidie_core.journal.commit import IndexRow
from squidie_core.journal.entries import RunnableKind
from squidie_core.state.run import RunnableState, RunState

MAX_NEEDS = 8
MAX_LOOKED_AT = 64
ANY_ACTION = "*:*"
"""What a worker offers that has any action at all."""


def action_need(action: str) -> str:
    """What a worker offers that has the action."""
    return f"*:{action}"


def index_row(state: RunState, max_skew: int = 0) -> IndexRow:
    """What a store keeps beside the entries so that workers, whose clocks may be so far apart, find the run."""
    return IndexRow(
        workflow=state.workflow,
        queue=state.queue,
        priority=state.priority,
        status=state.status,
        started_at=state.started_at,
        wake_at=state.wake_at(max_skew),
        needs=_needs(state),
        ended_at=state.ended_at,
        version=state.version,
        tags=state.tags,
        start_digest=state.start_digest,
        parent=None if state.parent is None else state.parent["run_id"],
    )


def need_of(workflow: str, kind: RunnableKind, step: str) -> str | None:
    """The code that the runnable waits for; `None` where it needs none."""
    if kind == "run":
        return f"{workflow}:{step}"
    return f"{workflow}:compensate:{step}" if kind == "compensation" else None


def _needs(state: RunState) -> tuple[str, ...]:
    """The steps and actions that wait for a worker; steps without a body, and too many, need only the workflow."""
    if state.terminal:
        return ()
    if len(state.open) == 1 and state.gate is None and not state.joins and not state.open_actions:
        (only,) = state.open.values()
        if only.kind == "run" and state.on_drift != "fail":
            return (f"{state.workflow}:{only.step}",)  # what most rows say, said quickly
    everything = f"{state.workflow}:*"
    needs: dict[str, None] = {everything: None} if state.joins else {}
    for runnable in () if state.joins else _declared(state):
        need = (runnable and need_of(state.workflow, runnable.kind, runnable.step)) or everything
        if state.on_drift == "fail":
            need = everything  # whoever has another definition is to fail the run
        needs[need] = None
        if need == everything or len(needs) > MAX_NEEDS:
            needs = {everything: None}
            break
    return tuple(sorted((*needs, *_actions(state)))) if state.open_actions else tuple(sorted(needs))


def _declared(state: RunState) -> Iterable[RunnableState | None]:
    """The open runnables of declared steps; `None` for those that stand behind too many others to be looked at."""
    if state.gate is not None:
        return ()
    if not state.open_actions:
        return state.open.values()
    looked_at = islice(state.open.values(), MAX_LOOKED_AT)
    found = [runnable for runnable in looked_at if runnable.dynamic is None]
    missed = len(state.open) - sum(state.open_actions.values()) - len(found)
    return (*found, None) if missed else found


def _actions(state: RunState) -> Iterable[str]:
    if len(state.open_actions) > MAX_NEEDS:
        return (ANY_ACTION,)
    return map(action_need, state.open_actions)
