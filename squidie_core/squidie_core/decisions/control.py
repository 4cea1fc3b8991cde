"""Commands of operators: deciding a gate, cancelling a run. The receipt stands in the same commit as the effect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from types import MappingProxyType
from typing import Any, Literal, NoReturn

from squidie_core.dataclass import record
from squidie_core.decisions.compensation import undo
from squidie_core.decisions.draft import Draft
from squidie_core.decisions.planning import move_on
from squidie_core.errors import InvalidTransitionError
from squidie_core.journal.entries import (
    GateAction,
    Json,
    ManualStepResolved,
    RunSignalReceived,
    RunTerminal,
    Signal,
)
from squidie_core.state.run import Gate

ManualSignal = Literal["resume_run", "approve_run", "reject_run"]

_ACTIONS: dict[ManualSignal, GateAction] = {
    "resume_run": "resumed",
    "approve_run": "approved",
    "reject_run": "rejected",
}
_VERBS: dict[Signal, str] = {
    "resume_run": "resumed",
    "approve_run": "approved",
    "reject_run": "rejected",
    "cancel_run": "cancelled",
}


@record(frozen=True, slots=True, kw_only=True)
class ManualCommand:
    """What an operator said. Values are plain JSON; secrets are already redacted.

    `occurred_at`: when it was said, in milliseconds by the clock of who said it.
    """

    actor: Json = None
    comment: str | None = None
    metadata: Mapping[str, Json] = field(default_factory=dict[str, Json])
    idempotency_key: str | None = None
    occurred_at: int | None = None


def resolve_gate(draft: Draft, signal: ManualSignal, command: ManualCommand, *, decided_at: str) -> None:
    """Resume a pause, or approve or reject an approval. Adds nothing where this very command was received before.

    `decided_at` is the time of the decision as ISO 8601 text. Raises InvalidTransitionError.
    """
    if _received(draft, signal, command):
        return
    gate = draft.state.gate
    if gate is None:
        _refuse(draft, signal)
    if (gate.kind == "pause") != (signal == "resume_run"):
        _refuse_kind(draft, signal, gate)
    runnable = draft.state.runnables[gate.runnable_key]
    _receive(draft, signal, command, {"runnable_key": gate.runnable_key})
    draft.emit(
        ManualStepResolved(
            draft.at,
            gate.runnable_key,
            gate.step,
            _ACTIONS[signal],
            _result(draft, signal, command, gate, decided_at),
        )
    )
    move_on(draft, runnable, "error" if signal == "reject_run" else "ok")


def cancel(draft: Draft, command: ManualCommand, *, compensate: bool | None = None) -> None:
    """End the run as cancelled, after undoing what it did where `compensate` says so.

    A run that is being undone is left alone, unless `compensate` is False: then that ends too. Adds nothing where this
    very command was received before. Raises InvalidTransitionError for a run that is over, or is being undone.
    """
    if _received(draft, "cancel_run", command):
        return
    state = draft.state
    if state.terminal:
        _refuse(draft, "cancel_run")
    if state.rollback is not None and compensate is not False:
        _refuse_rollback(draft)
    _receive(draft, "cancel_run", command, {} if compensate is None else {"compensate": compensate})
    if compensate:
        undo(draft, "cancelled", None)
    else:
        draft.emit(RunTerminal(draft.at, "cancelled", state.error))


def _result(draft: Draft, signal: ManualSignal, command: ManualCommand, gate: Gate, decided_at: str) -> dict[str, Json]:
    if signal == "resume_run":
        return {}
    decision: dict[str, Json] = {
        "decision": _ACTIONS[signal],
        "actor": command.actor,
        "decided_at": decided_at,
    }
    if command.comment is not None:
        decision["comment"] = command.comment
    if command.metadata:
        decision["metadata"] = dict(command.metadata)
    output = draft.step(gate.step).definition.output
    return decision if output is None else {output: decision}


def _received(draft: Draft, signal: Signal, command: ManualCommand) -> bool:
    key = command.idempotency_key
    return key is not None and (signal, key) in draft.state.received


def _receive(
    draft: Draft, signal: Signal, command: ManualCommand, more: Mapping[str, Json] = MappingProxyType({})
) -> None:
    draft.emit(
        RunSignalReceived(
            draft.at,
            signal,
            payload={"run_id": draft.state.run_id, **more},
            metadata=command.metadata,
            idempotency_key=command.idempotency_key,
            actor=command.actor,
            comment=command.comment,
            occurred_at=command.occurred_at,
        )
    )


def _refuse(draft: Draft, signal: Signal) -> NoReturn:
    state = draft.state
    waits = "no gate is open" if not state.terminal else "it is over"
    raise InvalidTransitionError(
        f"run {state.run_id} is {state.status} and cannot be {_VERBS[signal]}: {waits}",
        details=_details(draft, signal),
    )


def _refuse_rollback(draft: Draft) -> NoReturn:
    raise InvalidTransitionError(
        f"run {draft.state.run_id} is being undone and ends by itself; cancel(..., compensate=False) ends it now and "
        "leaves the rest as it is",
        details={**_details(draft, "cancel_run"), "reason": "compensating"},
    )


def _refuse_kind(draft: Draft, signal: Signal, gate: Gate) -> NoReturn:
    call = "resume" if gate.kind == "pause" else "approve or reject"
    raise InvalidTransitionError(
        f"run {draft.state.run_id} waits at {gate.kind} {gate.step!r} and cannot be {_VERBS[signal]}; use {call}",
        code="unsupported_manual_step",
        details={**_details(draft, signal), "step": gate.step, "kind": gate.kind},
    )


def _details(draft: Draft, signal: Signal) -> dict[str, Any]:
    return {"run_id": draft.state.run_id, "status": draft.state.status, "signal": signal}
