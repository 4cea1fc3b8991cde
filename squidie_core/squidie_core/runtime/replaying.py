"""Replaying a run: from its journal to the first commit of another run, or to the one that is there already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from squidie_core.dataclass import record
from squidie_core.decisions import ManualCommand, start
from squidie_core.decisions.drift import refuse_drifted
from squidie_core.decisions.replay import ReplayRequest, check_replay, replay_digest, replay_request
from squidie_core.definition.model import DefinitionChoice
from squidie_core.definition.plan import Plan
from squidie_core.errors import NotFoundError
from squidie_core.journal.identity import derived_id, run_id_at
from squidie_core.runtime import options
from squidie_core.runtime.ids import random_bits
from squidie_core.runtime.starting import Started, settle
from squidie_core.runtime.store import RunStore
from squidie_core.state import RunState


@record(frozen=True, slots=True, kw_only=True)
class ReplayOptions:
    """What a replay was asked to do, checked but for `run_id` and `queue`, which default to a new id and the source's.

    `command` is who asked and why.
    """

    command: ManualCommand
    definition: DefinitionChoice
    allow_irreversible: bool
    run_id: str | None
    queue: str | None


def replay_run(store: RunStore, source_id: str, given: ReplayOptions) -> Started:
    """Start a run with the trigger and the payload of another. Raises what `Squidie.replay` says."""
    run_id = _run_id(store, source_id, given)
    if run_id is not None:
        known = store.states([run_id]).get(run_id)
        if isinstance(known, RunState) and known.payload_digest == replay_digest(source_id, given.definition):
            return Started(known)  # however unsafe it would be now
    source = store.state(source_id)
    pinned = store.catalog.plan(source.definition, store.storage)
    drifted = store.catalog.drifted(pinned)
    if drifted is not None and given.definition == "original":
        raise refuse_drifted(source_id, pinned, drifted)
    check_replay(source, pinned, allow_irreversible=given.allow_irreversible)
    plan, payload = (pinned, source.input) if given.definition == "original" else _current(store, source)
    request = replay_request(
        source,
        ReplayRequest(
            run_id=run_id or run_id_at(store.clock.now(), random_bits(74)),
            payload=payload,
            queue=source.queue if given.queue is None else options.name("queue", given.queue),
            definition=given.definition,
            allow_irreversible=given.allow_irreversible,
            command=given.command,
        ),
    )
    draft = start(plan, request, store.clock.now())
    store.ensure_stored(plan)
    append = store.to_append(draft)
    return settle(store, draft, request, append, store.commit(append))


def _run_id(store: RunStore, source_id: str, given: ReplayOptions) -> str | None:
    """The id that a repeat finds the run by."""
    key = given.command.idempotency_key
    if given.run_id is not None and key is not None:
        raise options.refuse("idempotency_key", "and run_id exclude each other", "pass one of them")
    if given.run_id is not None:
        return options.run_id(given.run_id)
    if key is not None:
        return derived_id(store.storage.namespace, f"replay_run:{source_id}", key)
    return None


def _current(store: RunStore, source: RunState) -> tuple[Plan, Mapping[str, Any]]:
    """Today's plan of the run's workflow, and the payload as today's contract has it."""
    workflow = store.catalog.workflows.get(source.workflow)
    if workflow is None:
        raise NotFoundError(
            f"workflow {source.workflow!r} is not registered here; pass it in workflows=[...] to Squidie(...), "
            'or replay with definition="original"',
            code="unknown_workflow",
            details={"workflow": source.workflow},
        )
    contract = workflow.contracts.get(source.trigger)
    if contract is None:
        raise NotFoundError(
            f"workflow {source.workflow!r} has no trigger {source.trigger!r} any more; it has "
            f'{", ".join(workflow.contracts)}; replay with definition="original"',
            code="unknown_trigger",
            details={"workflow": source.workflow, "trigger": source.trigger},
        )
    return workflow.plan, contract.accept_again(source.input).payload
