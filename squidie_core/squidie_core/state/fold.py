"""The rules that turn entries into a run's state.

An entry that breaks a rule is recorded as an anomaly and changes nothing else; the fold raises only for what is no
thread at all. After the end nothing changes the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from squidie_core.errors import Corrupt
from squidie_core.journal.codec import decode_entries
from squidie_core.journal.commit import LoadedThread
from squidie_core.journal.entries import (
    AttemptClaimed,
    AttemptCompleted,
    AttemptFailed,
    AttemptHeartbeat,
    AttemptReleased,
    ChildrenAwaited,
    ChildRunEnded,
    ChildRunStarted,
    CompensationStarted,
    DynamicWorkRecorded,
    Entry,
    Json,
    ManualStepPaused,
    ManualStepResolved,
    Runnable,
    RunnableApplied,
    RunnablesPlanned,
    RunSignalReceived,
    RunStarted,
    RunTerminal,
)
from squidie_core.state import dynamic
from squidie_core.state.anomalies import anomaly
from squidie_core.state.children import child_ended, child_started, children_awaited, with_children
from squidie_core.state.compensation import compensation_begun, compensation_started
from squidie_core.state.run import TERMINAL, Gate, Receipt, RunnableState, RunState

FOLD_VERSION = 1
"""Raise it whenever a rule changes: checkpoints of other versions are not used."""


def fold(state: RunState, entries: Iterable[Entry]) -> RunState:
    """Fold the entries that follow the state into it, and give it back."""
    for entry in entries:
        apply(state, entry)
    return state


def fold_thread(state: RunState, thread: LoadedThread) -> RunState:
    """Fold a loaded thread into the state that its commits follow.

    Raises Corrupt where the commits do not follow the state without a gap, or cannot be read.
    """
    for commit in thread.commits:
        if commit.rev != state.rev + 1 or commit.previous != state.head.commit_id:
            raise Corrupt(
                f"run {state.run_id}: the commit at revision {commit.rev} does not follow revision {state.rev}",
                details={"run_id": state.run_id, "rev": commit.rev, "expected": state.rev + 1},
            )
        entries = decode_entries(commit.body)
        if len(entries) != commit.count:
            raise Corrupt(
                f"run {state.run_id}: the commit at revision {commit.rev} has {len(entries)} of {commit.count} entries",
                details={"run_id": state.run_id, "rev": commit.rev},
            )
        try:
            fold(state, entries)
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise Corrupt(
                f"run {state.run_id}: the commit at revision {commit.rev} cannot be folded: {type(error).__name__}",
                details={"run_id": state.run_id, "rev": commit.rev},
            ) from error
        state.head = commit.head
        state.folded_bytes += len(commit.body)
    if state.head != thread.head:
        raise Corrupt(
            f"run {state.run_id}: its head is at revision {thread.head.rev}, its entries end at {state.rev}",
            details={"run_id": state.run_id, "rev": state.rev, "head": thread.head.rev},
        )
    return state


def apply(state: RunState, entry: Entry) -> None:
    """Fold one entry."""
    state.rev += 1
    kind = type(entry)
    if state.status not in _UNDER_WAY:
        if state.status == "new" and kind not in _BEFORE_START:
            anomaly(state, entry, "run_not_started")
            return
        if state.status in TERMINAL and kind is not RunSignalReceived:
            anomaly(state, entry, "terminal_run")
            return
    state.last_at = max(state.last_at, entry.at)
    _RULES[kind](state, entry)


def _signal(state: RunState, entry: RunSignalReceived) -> None:
    state.take_receipt(
        Receipt(
            entry.at,
            entry.signal,
            entry.idempotency_key,
            entry.actor,
            entry.comment,
            entry.payload,
            entry.metadata,
            entry.occurred_at,
        )
    )


def _started(state: RunState, entry: RunStarted) -> None:
    if state.status != "new":
        anomaly(state, entry, "already_started")
        return
    state.status = "running"
    state.workflow = entry.workflow
    state.version = entry.version
    state.definition = entry.definition
    state.trigger = entry.trigger
    state.queue = entry.queue
    state.priority = entry.priority
    state.tags = entry.tags
    state.input = entry.input
    state.schedule = entry.context.get("schedule")
    state.replayed_from = entry.replayed_from
    state.on_drift = entry.on_drift
    state.payload_digest = entry.payload_digest
    state.started_at = entry.at
    state.context = dict(entry.input)
    state.parent = entry.context.get("parent")


def _planned(state: RunState, entry: RunnablesPlanned) -> None:
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


def _claimed(state: RunState, entry: AttemptClaimed) -> None:
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


def _heartbeat(state: RunState, entry: AttemptHeartbeat) -> None:
    for key, claim_id in entry.claims.items():
        runnable = _held(state, entry, key, claim_id)
        if runnable is not None:
            runnable.lease_until = entry.lease_until
            state.watch_lease(runnable)


def _released(state: RunState, entry: AttemptReleased) -> None:
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


def _completed(state: RunState, entry: AttemptCompleted) -> None:
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


def _failed(state: RunState, entry: AttemptFailed) -> None:
    runnable = (
        _given_up(state, entry) if entry.claim_id is None else _held(state, entry, entry.runnable_key, entry.claim_id)
    )
    if runnable is not None:
        runnable.status = "failed"
        runnable.error = entry.error
        runnable.ended_at = entry.at
        runnable.retry_key = entry.retry_key
        state.close(runnable)


def _applied(state: RunState, entry: RunnableApplied) -> None:
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


def _paused(state: RunState, entry: ManualStepPaused) -> None:
    runnable = state.runnables.get(entry.runnable_key)
    if runnable is None:
        anomaly(state, entry, "unknown_runnable_intent")
    elif state.gate is not None:
        if state.gate.runnable_key != entry.runnable_key:
            anomaly(state, entry, "active_manual_step")
    elif runnable.status != "available":
        anomaly(state, entry, "terminal_attempt")
    else:
        runnable.status = "paused"
        runnable.deadline = entry.deadline
        state.gate = Gate(entry.runnable_key, entry.step, entry.kind, entry.at)
        state.status = "paused"


def _resolved(state: RunState, entry: ManualStepResolved) -> None:
    gate = state.gate
    if gate is None or gate.runnable_key != entry.runnable_key:
        anomaly(state, entry, "stale_manual_resolution")
        return
    runnable = state.runnables[gate.runnable_key]
    runnable.status = "completed"
    runnable.result = entry.result
    runnable.ended_at = entry.at
    state.gate = None
    state.status = "running"


def _dynamic_work(state: RunState, entry: DynamicWorkRecorded) -> None:
    if not dynamic.record(state, entry):
        anomaly(state, entry, "conflicting_dynamic_work")


def _terminal(state: RunState, entry: RunTerminal) -> None:
    state.status = entry.status
    state.error = entry.error
    state.ended_at = entry.at
    state.gate = None


def _checked(rule: Callable[[RunState, Any], str | None]) -> Callable[[RunState, Any], None]:
    """The rule of another module, which gives the reason of an anomaly."""

    def checked(state: RunState, entry: Entry) -> None:
        reason = rule(state, entry)
        if reason is not None:
            anomaly(state, entry, reason)

    return checked


_UNDER_WAY = ("running", "paused")
_BEFORE_START: frozenset[type[Any]] = frozenset({RunSignalReceived, RunStarted})

_RULES: dict[type[Any], Callable[[RunState, Any], None]] = {
    RunSignalReceived: _signal,
    RunStarted: _started,
    RunnablesPlanned: _planned,
    AttemptClaimed: _claimed,
    AttemptHeartbeat: _heartbeat,
    AttemptReleased: _released,
    AttemptCompleted: _completed,
    AttemptFailed: _failed,
    RunnableApplied: _applied,
    ChildRunStarted: _checked(child_started),
    ChildRunEnded: _checked(child_ended),
    ChildrenAwaited: _checked(children_awaited),
    ManualStepPaused: _paused,
    ManualStepResolved: _resolved,
    DynamicWorkRecorded: _dynamic_work,
    CompensationStarted: compensation_started,
    RunTerminal: _terminal,
}
