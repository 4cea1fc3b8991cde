"""The rules that turn entries into a run's state.

An entry that breaks a rule is recorded as an anomaly and changes nothing else; the fold raises only for what is no
thread at all. After the end nothing changes the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
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
    ManualStepPaused,
    ManualStepResolved,
    RunnableApplied,
    RunnablesPlanned,
    RunSignalReceived,
    RunStarted,
    RunTerminal,
)
from squidie_core.state import dynamic
from squidie_core.state.anomalies import anomaly
from squidie_core.state.attempts import applied, claimed, completed, failed, heartbeat, planned, released
from squidie_core.state.children import child_ended, child_started, children_awaited
from squidie_core.state.compensation import compensation_started
from squidie_core.state.run import TERMINAL, Gate, Receipt, RunState

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
    RunnablesPlanned: planned,
    AttemptClaimed: claimed,
    AttemptHeartbeat: heartbeat,
    AttemptReleased: released,
    AttemptCompleted: completed,
    AttemptFailed: failed,
    RunnableApplied: applied,
    ChildRunStarted: _checked(child_started),
    ChildRunEnded: _checked(child_ended),
    ChildrenAwaited: _checked(children_awaited),
    ManualStepPaused: _paused,
    ManualStepResolved: _resolved,
    DynamicWorkRecorded: _dynamic_work,
    CompensationStarted: compensation_started,
    RunTerminal: _terminal,
}
