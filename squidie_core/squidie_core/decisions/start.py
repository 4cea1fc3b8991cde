"""The first commit of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from squidie_core.dataclass import record
from squidie_core.decisions.context import InputError
from squidie_core.decisions.draft import Draft
from squidie_core.decisions.planning import plan_steps
from squidie_core.definition.plan import Plan
from squidie_core.errors import PayloadError
from squidie_core.journal.entries import Json, RunSignalReceived, RunStarted, Signal
from squidie_core.state.run import RunState


@record(frozen=True, slots=True, kw_only=True)
class StartRequest:
    """What to start. Values are plain JSON; `payload_digest` is that of the payload before defaults.

    `delay` in milliseconds keeps the first steps back. `signal` and `received` are what the receipt says was asked for,
    the start of the trigger unless told otherwise.
    """

    run_id: str
    trigger: str
    payload: Mapping[str, Json]
    payload_digest: str
    queue: str
    priority: int = 5
    delay: int = 0
    tags: tuple[str, ...] = ()
    context: Mapping[str, Json] = field(default_factory=dict[str, Json])
    metadata: Mapping[str, Json] = field(default_factory=dict[str, Json])
    idempotency_key: str | None = None
    signal: Signal = "start_run"
    received: Mapping[str, Json] | None = None
    actor: Json = None
    comment: str | None = None
    occurred_at: int | None = None
    replayed_from: str | None = None


def start(plan: Plan, request: StartRequest, now: int) -> Draft:
    """The draft of a new run. Raises PayloadError where a first step needs a value that the payload does not have."""
    draft = Draft(RunState(request.run_id), plan, now)
    definition = plan.definition
    draft.emit(
        RunSignalReceived(
            draft.at,
            request.signal,
            payload={"trigger": request.trigger} if request.received is None else request.received,
            metadata=request.metadata,
            idempotency_key=request.idempotency_key,
            actor=request.actor,
            comment=request.comment,
            occurred_at=request.occurred_at,
        )
    )
    draft.emit(
        RunStarted(
            draft.at,
            run_id=request.run_id,
            workflow=definition.name,
            trigger=request.trigger,
            input=request.payload,
            definition=plan.fingerprint,
            queue=request.queue,
            priority=request.priority,
            payload_digest=request.payload_digest,
            version=definition.version,
            tags=request.tags,
            context=request.context,
            replayed_from=request.replayed_from,
            on_drift=definition.on_drift,
        )
    )
    try:
        plan_steps(draft, plan.roots, visible_at=draft.at + request.delay)
    except InputError as problem:
        raise PayloadError(str(problem), code=problem.code, details=problem.details) from problem
    return draft
