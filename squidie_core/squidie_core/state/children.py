"""The rules for children: their link, their end, and the steps that wait for it. Each may give an anomaly's reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import cast

from squidie_core.journal.entries import ChildrenAwaited, ChildRunEnded, ChildRunStarted, Json
from squidie_core.state.lineage import ChildState
from squidie_core.state.run import RunnableState, RunState

CHILDREN = "children"
"""Where the results of a step's children stand, beside its own."""


def child_started(state: RunState, entry: ChildRunStarted) -> str | None:
    """The step has a child under this key; there is one alone."""
    runnable = state.runnables.get(entry.runnable_key)
    if runnable is None:
        return "unknown_runnable_intent"
    known = state.children.get(runnable.step, entry.child_key)
    if known is None:
        child = ChildState(
            run_id=entry.child_run_id,
            workflow=entry.child_workflow,
            trigger=entry.child_trigger,
            step=runnable.step,
            child_key=entry.child_key,
            runnable_key=entry.runnable_key,
            payload_digest=entry.payload_digest,
            started_at=entry.at,
            metadata=entry.metadata,
        )
        state.children.put(child)
    elif known.run_id != entry.child_run_id:
        return "conflicting_child_run"
    return None


def child_ended(state: RunState, entry: ChildRunEnded) -> str | None:
    """The parent knows how the child ended. The first word is the last."""
    known = state.children.get(entry.step, entry.child_key)
    if known is None or known.run_id != entry.child_run_id:
        return "unknown_child_run"
    if known.status is not None:
        return "child_run_ended_before"
    ended = replace(known, status=entry.status, output=entry.output, error=entry.error, ended_at=entry.at)
    state.children.put(ended)
    return None


def children_awaited(state: RunState, entry: ChildrenAwaited) -> str | None:
    """The completed step waits for its children."""
    runnable = state.runnables.get(entry.runnable_key)
    if runnable is None:
        return "unknown_runnable_intent"
    if runnable.status != "completed":
        return "result_not_completed"
    state.joins[entry.runnable_key] = entry.look_at
    return None


def with_children(state: RunState, runnable: RunnableState, under: str) -> dict[str, Json]:
    """What the runnable adds to the context: its own result, and beside it how its step's children ended."""
    result = dict(runnable.result or {})
    ended = {key: _outcome(child) for key, child in state.children.of(runnable.step).items()}
    if not under:
        return {**result, CHILDREN: ended}
    own = cast("Mapping[str, Json] | None", result.get(under))
    return {**result, under: {**(own or {}), CHILDREN: ended}}


def _outcome(child: ChildState) -> dict[str, Json]:
    told: dict[str, Json] = {"run_id": child.run_id, "status": child.status}
    if child.output is not None:
        told["output"] = child.output
    if child.error is not None:
        told["error"] = child.error
    return told
