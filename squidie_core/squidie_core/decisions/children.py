"""Runs that steps start: their link, and the steps that wait for their end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any, NoReturn

from squidie_core.dataclass import record
from squidie_core.decisions.compensation import fail_run
from squidie_core.decisions.draft import Draft
from squidie_core.decisions.outcome import holds
from squidie_core.decisions.planning import move_on
from squidie_core.errors import ConflictError, InvalidTransitionError
from squidie_core.journal.entries import ChildrenAwaited, ChildRunEnded, ChildRunStarted, ChildStatus, Json
from squidie_core.state.run import RunnableState

SHORTEST_PAUSE = 1_000
LONGEST_PAUSE = 60_000
OUTPUT_TOO_LARGE = "child_output_too_large"


@record(frozen=True, slots=True, kw_only=True)
class ChildRequest:
    """A child that a step wants. `run_id` follows from the workflow, the trigger, the parent, the step and the key."""

    run_id: str
    workflow: str
    trigger: str
    child_key: str
    payload_digest: str
    metadata: Mapping[str, Json] = field(default_factory=dict[str, Json])


@record(frozen=True, slots=True, kw_only=True)
class EndedChild:
    """How a child ended, for a parent that waits for it."""

    step: str
    child_key: str
    run_id: str
    status: ChildStatus
    output: Mapping[str, Json] | None = None
    error: Mapping[str, Json] | None = None


def link_children(draft: Draft, key: str, claim_id: str, requests: Sequence[ChildRequest]) -> list[ChildRequest]:
    """Link those that the step has not started yet, and give them back: they must be started in the same commit.

    Raises InvalidTransitionError where the parent is over or the claim is lost, ConflictError where a key of the step
    is that of another child.
    """
    state = draft.state
    if state.terminal:
        raise InvalidTransitionError(
            f"run {state.run_id} is {state.status} and starts no children any more; let the body end",
            code="invalid_parent_run",
            details={"run_id": state.run_id, "reason": "terminal", "status": state.status},
        )
    runnable = holds(draft, key, claim_id)
    if runnable is None:
        raise InvalidTransitionError(
            f"the claim on {key} is lost, so this body starts no children any more; let it end",
            code="invalid_parent_context",
            details={"run_id": state.run_id, "reason": "claim", "runnable_key": key},
        )
    fresh: list[ChildRequest] = []
    for request in requests:
        known = state.children.get(runnable.step, request.child_key)
        if known is None:
            fresh.append(request)
        elif (known.run_id, known.payload_digest) != (request.run_id, request.payload_digest):
            _refuse_key(draft, runnable, request.child_key)
    for request in fresh:
        draft.emit(
            ChildRunStarted(
                draft.at,
                runnable_key=key,
                child_run_id=request.run_id,
                child_workflow=request.workflow,
                child_trigger=request.trigger,
                child_key=request.child_key,
                payload_digest=request.payload_digest,
                metadata=request.metadata,
            )
        )
    return fresh


def _refuse_key(draft: Draft, runnable: RunnableState, child_key: str) -> NoReturn:
    raise ConflictError(
        f"step {runnable.step!r} has started another child under the key {child_key!r}, "
        "with another workflow, trigger or payload; use another key",
        details={"run_id": draft.state.run_id, "step": runnable.step, "child_key": child_key},
    )


def join_children(draft: Draft, ended: Sequence[EndedChild], *, again: bool = False) -> None:
    """Record which children have ended, and apply the steps that waited for the last of theirs.

    With `again` nothing is applied, and somebody looks again at once: there is more to record. Otherwise, where a step
    waits on, somebody looks again after as long as it has waited, from 1 to 60 s, or after a sixtieth of the wait where
    that is longer: no lost hint delays a run for more than that.
    """
    state = draft.state
    if state.terminal:
        return
    for child in ended:
        if state.children.live(child.step).get(child.child_key) == child.run_id:
            draft.emit(
                ChildRunEnded(
                    draft.at, child.step, child.child_key, child.run_id, child.status, child.output, child.error
                )
            )
    for key, look_at in list(state.joins.items()):
        runnable = state.runnables[key]
        if key not in state.joins:
            break  # the run has failed, and nothing waits any more
        if again:
            draft.emit(ChildrenAwaited(draft.at, key, draft.at))
        elif state.children.live(runnable.step):
            if look_at <= draft.at:
                draft.emit(ChildrenAwaited(draft.at, key, _next_look(draft.at, runnable.ended_at)))
        else:
            _apply(draft, runnable)


def _next_look(now: int, since: int | None) -> int:
    waited = now - (since or now)
    return now + max(SHORTEST_PAUSE, min(waited, LONGEST_PAUSE), waited // 60)


def _apply(draft: Draft, runnable: RunnableState) -> None:
    """Apply the step, or fail the run for what cannot be handed on."""
    for child in draft.state.children.of(runnable.step).values():
        if child.error is not None and child.error.get("code") == OUTPUT_TOO_LARGE:
            error: dict[str, Any] = {**child.error, "step": runnable.step, "runnable_key": runnable.key}
            fail_run(draft, error)
            return
    move_on(draft, runnable, "ok")
