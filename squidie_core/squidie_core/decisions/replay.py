"""Replaying a run: whether that is safe, by the definition that the run went by, and what the new run starts with."""

from __future__ import annotations

from collections.abc import Mapping

from squidie_core.dataclass import record
from squidie_core.decisions.control import ManualCommand
from squidie_core.decisions.start import StartRequest
from squidie_core.definition.model import DefinitionChoice
from squidie_core.definition.plan import Plan
from squidie_core.definition.recovery import RecoveryPolicy, recovery_policy
from squidie_core.errors import UnsafeReplayError
from squidie_core.journal.entries import Json
from squidie_core.journal.identity import digest
from squidie_core.state.run import RunnableState, RunState

_IDENTITY = ("idempotency", "idempotency_key")
"""What made the schedule's activation start one run: a replay is no activation."""

_UNDECLARED = RecoveryPolicy(
    irreversible=True, compensatable=False, replay="manual_review_required", recovery="manual_intervention"
)
"""The policy of work that no definition declares, such as a compensation."""


@record(frozen=True, slots=True, kw_only=True)
class ReplayRequest:
    """The new run's id, its whole payload, where it waits for workers, and by which definition it goes."""

    run_id: str
    payload: Mapping[str, Json]
    queue: str
    definition: DefinitionChoice
    allow_irreversible: bool
    command: ManualCommand


def check_replay(source: RunState, pinned: Plan, *, allow_irreversible: bool) -> None:
    """Raise UnsafeReplayError where a completed step of the run cannot be undone; `pinned` is the plan it goes by."""
    unsafe = {} if allow_irreversible else _unsafe(source, pinned)
    if unsafe:
        raise UnsafeReplayError(
            f"run {source.run_id} has completed what cannot be undone: {', '.join(unsafe)}; "
            "find out what that did, then replay with allow_irreversible=True",
            details={
                "run_id": source.run_id,
                "steps": [_described(step, policy) for step, policy in unsafe.items()],
            },
        )


def replay_request(source: RunState, request: ReplayRequest) -> StartRequest:
    """The start of the new run."""
    schedule = source.schedule
    kept = None if schedule is None else {name: schedule[name] for name in schedule if name not in _IDENTITY}
    return StartRequest(
        run_id=request.run_id,
        trigger=source.trigger,
        payload=request.payload,
        payload_digest=replay_digest(source.run_id, request.definition),
        queue=request.queue,
        priority=source.priority,
        tags=source.tags,
        context={} if kept is None else {"schedule": kept},
        metadata=request.command.metadata,
        idempotency_key=request.command.idempotency_key,
        signal="replay_run",
        received={
            "run_id": source.run_id,
            "allow_irreversible": request.allow_irreversible,
            "definition": request.definition,
        },
        actor=request.command.actor,
        comment=request.command.comment,
        occurred_at=request.command.occurred_at,
        replayed_from=source.run_id,
    )


def replay_digest(source_id: str, definition: DefinitionChoice) -> str:
    """What a repeated replay is compared with, in the place of the digest of a payload."""
    return digest({"replayed_from": source_id, "definition": definition})


def _unsafe(source: RunState, pinned: Plan) -> dict[str, RecoveryPolicy]:
    """The completed steps that somebody has to look at first, in the order in which they were planned."""
    policies = {
        runnable.step: _policy(runnable, pinned)
        for runnable in source.runnables.values()
        if runnable.status in ("completed", "applied") or runnable.result is not None
    }
    return {step: policy for step, policy in policies.items() if policy.replay != "allowed"}


def _policy(runnable: RunnableState, pinned: Plan) -> RecoveryPolicy:
    step = pinned.steps.get(runnable.step)
    if step is None or step.definition.kind != runnable.kind:
        return _UNDECLARED
    return recovery_policy(step.definition)


def _described(step: str, policy: RecoveryPolicy) -> dict[str, Json]:
    return {
        "step": step,
        "irreversible": policy.irreversible,
        "compensatable": policy.compensatable,
        "replay": policy.replay,
        "recovery": policy.recovery,
    }
