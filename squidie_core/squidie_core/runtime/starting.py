"""Starting a run: from a trigger and a payload to the first commit, or to the run that is there already."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from squidie_core import decisions
from squidie_core.authoring import CompiledWorkflow, Duration, Trigger, Workflow
from squidie_core.decisions import StartRequest
from squidie_core.errors import ConflictError
from squidie_core.journal.commit import Conflict
from squidie_core.journal.identity import derived_id, digest, run_id_at
from squidie_core.runtime import options
from squidie_core.runtime.catalog import Catalog
from squidie_core.runtime.store import RunStore, to_append
from squidie_core.state import RunState


@dataclass(frozen=True, slots=True, kw_only=True)
class StartOptions:
    """What the caller of `Squidie.start` said, unchecked."""

    trigger: str | None
    idempotency_key: str | None
    run_id: str | None
    queue: str | None
    default_queue: str
    delay: Duration | None
    priority: int
    tags: Iterable[str]
    metadata: Mapping[str, Any] | None


def start_run(
    store: RunStore, what: Trigger[Any] | type[Workflow], payload: Any, given: StartOptions
) -> tuple[RunState, bool]:
    """The started run and whether it is new. Raises what `Squidie.start` says; nothing is written then."""
    workflow, trigger = _resolve(store.catalog, what, given.trigger)
    accepted = workflow.contracts[trigger].accept(payload)
    now = store.clock.now()
    request = StartRequest(
        run_id=_run_id(store, workflow.name, trigger, now, given),
        trigger=trigger,
        payload=accepted.payload,
        payload_digest=digest(accepted.given),
        queue=_queue(workflow, given),
        priority=options.integer("priority", given.priority, least=0, most=9),
        delay=0 if given.delay is None else options.milliseconds("delay", given.delay),
        tags=options.tags(given.tags),
        metadata=options.metadata(given.metadata),
        idempotency_key=options.optional_text("idempotency_key", given.idempotency_key),
    )
    draft = decisions.start(workflow.plan, request, now)
    append = to_append(draft)
    store.catalog.ensure_stored(workflow.plan, store.storage)
    if isinstance(store.commit(append), Conflict):
        return _existing(store, request, workflow.name), False
    store.committed(draft.state, append)
    return draft.state, True


def _resolve(
    catalog: Catalog, what: Trigger[Any] | type[Workflow], trigger: str | None
) -> tuple[CompiledWorkflow, str]:
    if isinstance(what, Trigger):
        return catalog.trigger(what)
    workflow = catalog.workflow(what)
    names = list(workflow.contracts)
    if trigger is None:
        return workflow, names[0]
    if trigger not in names:
        raise options.refuse("trigger", f"is no trigger of {workflow.name}", f"use one of {', '.join(names)}")
    return workflow, trigger


def _run_id(store: RunStore, workflow: str, trigger: str, now: int, given: StartOptions) -> str:
    run_id, key = given.run_id, given.idempotency_key
    if run_id is not None and key is not None:
        raise options.refuse("idempotency_key", "and run_id exclude each other", "pass one of them")
    if run_id is not None:
        return options.run_id(run_id)
    if key is not None:
        return derived_id(store.storage.namespace, workflow, trigger, options.text("idempotency_key", key))
    return run_id_at(now, options.random_bits())


def _queue(workflow: CompiledWorkflow, given: StartOptions) -> str:
    if given.queue is not None:
        return options.name("queue", given.queue)
    return workflow.definition.queue or given.default_queue


def _existing(store: RunStore, request: StartRequest, workflow: str) -> RunState:
    """The run that has this id already, if it was started with the same payload."""
    state = store.state(request.run_id)
    if (state.workflow, state.trigger, state.payload_digest) != (workflow, request.trigger, request.payload_digest):
        raise ConflictError(
            f"run {request.run_id} was started before with another payload or trigger; use another key or id",
            details={"run_id": request.run_id},
        )
    return state
