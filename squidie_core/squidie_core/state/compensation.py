"""The rules of a rollback: what is undone, in which order, and how far it has come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from squidie_core.journal.entries import CompensationStarted, Json
from squidie_core.state.anomalies import anomaly
from squidie_core.state.run import Rollback, RunnableState, RunState


def compensation_started(state: RunState, entry: CompensationStarted) -> None:
    """Everything that is open is over without effect; what the steps did is to be undone, the last first."""
    if state.rollback is not None:
        anomaly(state, entry, "already_compensating")
        return
    undone = [runnable for runnable in state.runnables.values() if _is_undone(state, runnable, entry)]
    undone.sort(key=_by_application, reverse=True)
    state.rollback = Rollback(entry.status, entry.at, tuple(runnable.key for runnable in undone))
    state.error = entry.error
    state.gate = None
    state.status = "running"
    for runnable in state.open.values():
        runnable.status = "cancelled"
    state.open.clear()
    state.open_actions.clear()
    state.joins.clear()


def compensation_begun(state: RunState, origin: RunnableState) -> Mapping[str, Json]:
    """The callback of the next in the order is planned; its input: what the step took, and over it what it gave."""
    if state.rollback is not None:
        state.rollback = replace(state.rollback, begun=state.rollback.begun + 1)
    return {**origin.input, **(origin.result or {})}


def _is_undone(state: RunState, runnable: RunnableState, entry: CompensationStarted) -> bool:
    if runnable.kind != "run" or runnable.step not in entry.steps:
        return False
    if runnable.status != "applied":
        return runnable.key in state.joins
    return runnable.error is None and runnable.deferred is None


def _by_application(runnable: RunnableState) -> tuple[bool, int, int, int]:
    """Those that wait for children come after all that were applied, in the order in which they completed."""
    waits = runnable.status != "applied"
    return waits, runnable.applied_rev, (runnable.ended_at or 0) if waits else 0, runnable.position
