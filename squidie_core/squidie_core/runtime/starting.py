"""Starting a run: from a trigger and a payload to the first commit, or to the run that is there already."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from typing import Any, TypedDict

from squidie_core import decisions
from squidie_core.authoring import CompiledWorkflow, Duration, Trigger, Workflow
from squidie_core.dataclass import record
from squidie_core.decisions import StartRequest
from squidie_core.errors import ConflictError, PurgedError
from squidie_core.journal.commit import Append, CommitResult, Conflict
from squidie_core.journal.identity import derived_id, digest, run_id_at, start_digest
from squidie_core.runtime import options
from squidie_core.runtime.attempts import Attempt
from squidie_core.runtime.berths import Berth, Boarding, Hosts
from squidie_core.runtime.catalog import Catalog
from squidie_core.runtime.claiming import claim
from squidie_core.runtime.ids import random_bits
from squidie_core.runtime.store import RunStore
from squidie_core.state import RunState


class StartKeywords(TypedDict, total=False):
    """The options of `Squidie.start`.

    `idempotency_key` or `run_id`: starting again with the same one returns the run that there is. `queue`: where the
    run waits for workers. `delay`: how long the first steps are kept back. `priority`: 0 (first) to 9. `tags`: names to
    list the run by. `metadata`: kept with the receipt, secret-looking values redacted.
    """

    idempotency_key: str | None
    run_id: str | None
    queue: str | None
    delay: Duration | None
    priority: int
    tags: Iterable[str]
    metadata: Mapping[str, Any] | None


@record(frozen=True, slots=True, kw_only=True)
class StartOptions:
    """The same, unchecked, with the defaults."""

    default_queue: str
    trigger: str | None = None
    idempotency_key: str | None = None
    run_id: str | None = None
    queue: str | None = None
    delay: Duration | None = None
    priority: int = 5
    tags: Iterable[str] = ()
    metadata: Mapping[str, Any] | None = None
    schedule: Mapping[str, Any] | None = None
    """What the activation was, where a scheduler starts the run."""
    occurred_at: int | None = None

    @classmethod
    def of(
        cls,
        default_queue: str,
        trigger: str | None,
        keywords: StartKeywords,
        *,
        occurred_at: int | None = None,
    ) -> StartOptions:
        """Raises TypeError for a keyword that there is none of."""
        for keyword in keywords:
            if keyword not in StartKeywords.__annotations__:
                known = ", ".join(("trigger", *StartKeywords.__annotations__))
                raise TypeError(f"start() has no option {keyword}=; there are {known}")
        return cls(default_queue=default_queue, trigger=trigger, occurred_at=occurred_at, **keywords)


@record(frozen=True, slots=True)
class _Prepared:
    """A start that was checked and decided but not written."""

    request: StartRequest
    draft: decisions.Draft


@record(frozen=True, slots=True)
class Started:
    """A run that there is now. `wake_at`: when a worker should look at one that this call started, which `is_new`.

    `berth` and `attempts`: what was claimed for a worker of this process, which must be told.
    """

    state: RunState
    wake_at: int | None = None
    is_new: bool = False
    berth: Berth | None = None
    attempts: list[Attempt] = field(default_factory=list[Attempt])

    @property
    def wants_worker(self) -> bool:
        """Whether workers should be told; one that has claims knows when to look again."""
        return self.wake_at is not None and (self.berth is None or self.wake_at <= self.state.last_at)

    def board(self) -> None:
        """Give the run to the worker that its claims are for; the state is the worker's then."""
        if self.berth is not None:
            self.berth.board(Boarding(self.berth, self.state, self.attempts, self.wake_at))


def start_run(
    store: RunStore, hosts: Hosts, what: Trigger[Any] | type[Workflow], payload: Any, given: StartOptions
) -> Started:
    """Start a run, and claim its first steps for a worker that waits for work in this process, in the same commit.

    Raises what `Squidie.start` says; nothing is written then.
    """
    workflow, trigger = resolve(store.catalog, what, given.trigger)
    prepared = _prepare(store, workflow, trigger, payload, given)
    store.ensure_stored(workflow.plan)
    draft = prepared.draft
    berth = hosts.berth(draft.state.queue, len(draft.state.open))
    boarding = False
    try:
        attempts = [] if berth is None else _claim_for(store, draft, berth)
        append = store.to_append(draft)
        started = settle(store, draft, prepared.request, append, store.commit(append))
        boarding = len(attempts) > 0 and started.state is draft.state
    finally:
        if berth is not None and not boarding:
            berth.leave()
    return replace(started, berth=berth, attempts=attempts) if boarding else started


def _claim_for(store: RunStore, draft: decisions.Draft, berth: Berth) -> list[Attempt]:
    return claim(store, draft, berth.slots, owner_id=berth.owner_id, lease_for=berth.lease_for, share=berth.slots.free)


def start_runs(
    store: RunStore,
    what: Trigger[Any] | type[Workflow],
    payloads: Sequence[Any],
    given: StartOptions,
    keys: Sequence[str] | None,
) -> list[Started]:
    """As `start_run` for each payload, in one call to the store; nothing is claimed."""
    if keys is not None and len(keys) != len(payloads):
        raise options.refuse(
            "idempotency_keys", f"has {len(keys)} keys for {len(payloads)} payloads", "pass a key for each payload"
        )
    if keys is not None and len(set(keys)) < len(keys):
        raise options.refuse("idempotency_keys", "has a key twice", "pass another key for each payload")
    workflow, trigger = resolve(store.catalog, what, given.trigger)
    each = [given] * len(payloads) if keys is None else [replace(given, idempotency_key=key) for key in keys]
    prepared = [_prepare(store, workflow, trigger, payload, own) for payload, own in zip(payloads, each, strict=True)]
    store.ensure_stored(workflow.plan)
    appends = [store.to_append(start.draft) for start in prepared]
    results = store.commit_all(appends)
    return [
        settle(store, start.draft, start.request, append, result)
        for start, append, result in zip(prepared, appends, results, strict=True)
    ]


def _prepare(store: RunStore, workflow: CompiledWorkflow, trigger: str, payload: Any, given: StartOptions) -> _Prepared:
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
        occurred_at=given.occurred_at,
        **_scheduled(trigger, given.schedule),
    )
    return _Prepared(request, decisions.start(workflow.plan, request, now))


def _scheduled(trigger: str, schedule: Mapping[str, Any] | None) -> dict[str, Any]:
    """What sets the start of a scheduler apart."""
    if schedule is None:
        return {}
    received = {"trigger": trigger, "schedule": schedule}
    return {"signal": "start_cron", "received": received, "context": {"schedule": schedule}}


def settle(
    store: RunStore, draft: decisions.Draft, request: StartRequest, append: Append, result: CommitResult
) -> Started:
    """What became of a start: the new run, or the one that has its id. Raises PurgedError, ConflictError."""
    state = draft.state
    if isinstance(result, Conflict):
        return Started(_existing(store, request, state.workflow))
    store.committed(state, append)
    store.telemetry.started(state)
    return Started(state, append.index.wake_at, is_new=True)


def resolve(catalog: Catalog, what: Trigger[Any] | type[Workflow], trigger: str | None) -> tuple[CompiledWorkflow, str]:
    """The workflow and its trigger that are meant. Raises NotFoundError, OptionError."""
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
    return run_id_at(now, random_bits(74))


def _queue(workflow: CompiledWorkflow, given: StartOptions) -> str:
    if given.queue is not None:
        return options.name("queue", given.queue)
    return workflow.definition.queue or given.default_queue


def _existing(store: RunStore, request: StartRequest, workflow: str) -> RunState:
    """The run that has this id already, if it was started with the same payload. Raises PurgedError, ConflictError."""
    asked = (workflow, start_digest(request.trigger, request.payload_digest))
    try:
        state = store.state(request.run_id)
    except PurgedError as purged:
        if (purged.workflow, purged.start_digest) == asked:
            raise
    else:
        if (state.workflow, state.start_digest) == asked:
            return state
    raise ConflictError(
        f"run {request.run_id} was started before with another payload, trigger or source; use another key or id",
        details={"run_id": request.run_id},
    )
