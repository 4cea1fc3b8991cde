"""The rules for runnables and the attempts at them: planned, claimed, held, given back, ended, applied."""

from __future__ import annotations

from collections.abc import Mapping

from squidie_core.journal.entries import (
    AttemptClaimed,
    AttemptCompleted,
    AttemptFailed,
    AttemptHeartbeat,
    AttemptReleased,
    Entry,
    Json,
    Runnable,
    RunnableApplied,
    RunnablesPlanned,
)
from squidie_core.state import dynamic
from squidie_core.state.anomalies import anomaly
from squidie_core.state.children import with_children
from squidie_core.state.compensation import compensation_begun
from squidie_core.state.run import RunnableState, RunState


def planned(state: RunState, entry: RunnablesPlanned) -> None:
    """These are to be executed; what was planned before must be the same."""
    for planned in entry.runnables:
        known = state.runnables.get(planned.key)
        if known is None:
            _plan(state, entry, planned)
        elif (known.step, known.attempt, known.visit, known.visible_at, known.idempotency_key) != (
            planned.step,
            planned.attempt,
            planned.visit,
            planned.visible_at,
            planned.idempotency_key or planned.key,
        ):
            anomaly(state, entry, "conflicting_runnable_intent", planned.key)


def _plan(state: RunState, entry: RunnablesPlanned, planned: Runnable) -> None:
    previous = state.runnables.get(planned.previous) if planned.previous is not None else None
    given: Mapping[str, Json] | None = planned.input
    if planned.kind == "compensation" and previous is not None and previous.kind != "compensation":
        given = compensation_begun(state, previous)
    elif given is None:
        given = previous.input if previous is not None else dynamic.node_input(state, planned.step)
    runnable = RunnableState(
        key=planned.key,
        step=planned.step,
        kind=planned.kind,
        attempt=planned.attempt,
        visit=planned.visit,
        input=given,
        idempotency_key=planned.idempotency_key or planned.key,
        visible_at=planned.visible_at,
        planned_at=entry.at,
        position=len(state.runnables),
        previous=planned.previous,
        dynamic=planned.dynamic if previous is None else previous.dynamic,
        deadline=planned.deadline,
    )
    if previous is None:
        state.visits[planned.step] = max(state.visits.get(planned.step, 0), planned.visit)
    state.adopt(runnable)


def claimed(state: RunState, entry: AttemptClaimed) -> None:
    """Somebody executes it from now on."""
    runnable = state.runnables.get(entry.runnable_key)
    if runnable is None:
        anomaly(state, entry, "unknown_runnable_intent")
    elif runnable.status not in ("available", "claimed"):
        anomaly(state, entry, "terminal_attempt")
    elif runnable.status == "claimed" and runnable.lease_until > entry.at:
        anomaly(state, entry, "active_claim")
    elif runnable.visible_at > entry.at:
        anomaly(state, entry, "attempt_not_visible")
    else:
        runnable.status = "claimed"
        runnable.claim_id = entry.claim_id
        runnable.owner_id = entry.owner_id
        runnable.lease_until = entry.lease_until
        runnable.claimed_at = entry.at
        runnable.deliveries += 1
        state.watch_lease(runnable)


def _held(state: RunState, entry: Entry, key: str, claim_id: str | None) -> RunnableState | None:
    """The runnable, if this claim holds it at the time of the entry; an anomaly otherwise."""
    runnable = state.runnables.get(key)
    if runnable is None:
        anomaly(state, entry, "unknown_runnable_intent", key)
    elif runnable.status != "claimed" or runnable.claim_id != claim_id:
        anomaly(state, entry, "stale_claim", key)
    elif runnable.lease_until <= entry.at:
        anomaly(state, entry, "expired_claim", key)
    else:
        return runnable
    return None


def heartbeat(state: RunState, entry: AttemptHeartbeat) -> None:
    """Those that the claims still hold are held for longer."""
    for key, claim_id in entry.claims.items():
        runnable = _held(state, entry, key, claim_id)
        if runnable is not None:
            runnable.lease_until = entry.lease_until
            state.watch_lease(runnable)


def released(state: RunState, entry: AttemptReleased) -> None:
    """It waits for a worker again, as if it had not been delivered."""
    runnable = _held(state, entry, entry.runnable_key, entry.claim_id)
    if runnable is not None:
        runnable.status = "available"
        runnable.claim_id = None
        runnable.owner_id = None
        runnable.deliveries -= not entry.counts
        state.make_ready(runnable)


def _given_up(state: RunState, entry: AttemptCompleted | AttemptFailed) -> RunnableState | None:
    """The runnable, if nobody holds it, so that the runtime may end it itself."""
    runnable = state.runnables.get(entry.runnable_key)
    if runnable is None:
        anomaly(state, entry, "unknown_runnable_intent")
    elif (runnable.status == "available" and runnable.visible_at <= entry.at) or (
        runnable.status == "claimed" and runnable.lease_until <= entry.at
    ):
        return runnable
    else:
        anomaly(state, entry, "active_claim" if runnable.status == "claimed" else "terminal_attempt")
    return None


def completed(state: RunState, entry: AttemptCompleted) -> None:
    """It has a result."""
    known = state.runnables.get(entry.runnable_key)
    if known is not None and known.status in ("completed", "applied") and known.claim_id == entry.claim_id:
        if known.result != entry.result:
            anomaly(state, entry, "conflicting_completion")
        return
    runnable = (
        _given_up(state, entry) if entry.claim_id is None else _held(state, entry, entry.runnable_key, entry.claim_id)
    )
    if runnable is not None:
        runnable.status = "completed"
        runnable.result = entry.result
        runnable.ended_at = entry.at


def failed(state: RunState, entry: AttemptFailed) -> None:
    """It has failed for good, or is tried again as another runnable."""
    runnable = (
        _given_up(state, entry) if entry.claim_id is None else _held(state, entry, entry.runnable_key, entry.claim_id)
    )
    if runnable is not None:
        runnable.status = "failed"
        runnable.error = entry.error
        runnable.ended_at = entry.at
        runnable.retry_key = entry.retry_key
        state.close(runnable)


def applied(state: RunState, entry: RunnableApplied) -> None:
    """Its result, or the route that its failure took, is part of the run."""
    runnable = state.runnables.get(entry.runnable_key)
    if runnable is None:
        anomaly(state, entry, "unknown_runnable_intent")
        return
    routed = runnable.status == "failed" and entry.decision is not None and entry.decision.on == "error"
    if runnable.status != "completed" and not routed:
        anomaly(state, entry, "result_not_completed")
        return
    runnable.status = "applied"
    runnable.applied_at = entry.at
    runnable.applied_rev = state.rev
    runnable.decision = entry.decision
    runnable.deferred = entry.deferred
    state.close(runnable)
    state.joins.pop(runnable.key, None)
    if entry.decision is not None:
        taken = state.routes_taken.get(entry.decision.index, 0)
        state.routes_taken[entry.decision.index] = taken + 1
    if routed:
        state.routed_error = runnable.error
    elif entry.deferred is None and runnable.kind != "compensation":
        state.applied_steps.add(runnable.step)
        if entry.children is None:
            state.context.update(runnable.result or {})
        else:
            state.context.update(with_children(state, runnable, entry.children))
        if "error" in (runnable.result or {}):
            state.routed_error = None
        if runnable.dynamic is not None:
            dynamic.node_applied(state, runnable.step, runnable.key)
