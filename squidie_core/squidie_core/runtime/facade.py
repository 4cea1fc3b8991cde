"""Squidie: one object through which an application starts, advances, controls and inspects its runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar, overload

from squidie_core import decisions
from squidie_core.authoring import CompiledWorkflow, Duration, Step, Trigger, Workflow, compiled
from squidie_core.decisions import ManualCommand, StartRequest
from squidie_core.decisions.control import ManualSignal
from squidie_core.errors import ConflictError, OptionError
from squidie_core.inspection import RunList, Snapshot
from squidie_core.inspection.snapshot import no_output, snapshot
from squidie_core.inspection.times import moment, text
from squidie_core.journal.codec import decode_entries, to_plain
from squidie_core.journal.commit import Conflict
from squidie_core.journal.entries import Json
from squidie_core.journal.identity import derived_id, digest, run_id_at
from squidie_core.plugins import open_plugin
from squidie_core.ports.notifier import Notifier
from squidie_core.ports.storage import RunQuery, Storage
from squidie_core.runtime import options
from squidie_core.runtime.catalog import Catalog
from squidie_core.runtime.listing import run_list
from squidie_core.runtime.single import execute_one
from squidie_core.runtime.store import RunStore, derive_index, to_append
from squidie_core.runtime.wakeups import Wakeups
from squidie_core.state import RunState

T = TypeVar("T")
RunRef = str | Snapshot
"""A run's id, or any snapshot of it."""


class Squidie:
    """The durable workflow runtime inside an application.

    `storage` is a URL, whose scheme finds the adapter, or a Storage. `workflows` are those whose runs this process may
    start and execute. `resources` are given to bodies that ask for them by type. `queue` is where runs start and where
    this object looks for work unless told otherwise. `namespace` keeps several applications apart in one store.

    Safe to use from any thread. Use it as a context manager, or call `close`.
    """

    def __init__(
        self,
        storage: str | Storage,
        /,
        *,
        workflows: Iterable[type[Workflow]] = (),
        queue: str = "default",
        resources: Mapping[type, object] | None = None,
        namespace: str | None = None,
        storage_options: Mapping[str, Any] | None = None,
        notifier: str | Notifier | None = None,
    ) -> None:
        self.queue = options.name("queue", queue)
        catalog = Catalog(workflows, resources or {})
        self._owned: list[Storage | Notifier] = []
        self.store = RunStore(self._open_storage(storage, namespace, storage_options), catalog)
        self.wakeups = Wakeups(self._open_notifier(notifier))

    def _open_storage(self, storage: str | Storage, namespace: str | None, given: Mapping[str, Any] | None) -> Storage:
        if not isinstance(storage, str):
            if namespace is not None or given:
                raise OptionError("namespace and storage_options go with a URL; set them on the Storage itself")
            return storage
        chosen = dict(given or {})
        if namespace is not None:
            chosen["namespace"] = options.name("namespace", namespace)
        opened: Storage = open_plugin("storage", storage, chosen)
        self._owned.append(opened)
        return opened

    def _open_notifier(self, notifier: str | Notifier | None) -> Notifier | None:
        if not isinstance(notifier, str):
            return notifier
        opened: Notifier = open_plugin("notifier", notifier, {})
        self._owned.append(opened)
        return opened

    # Starting

    @overload
    def start(
        self,
        trigger: Trigger[T],
        payload: T | None = None,
        /,
        *,
        idempotency_key: str | None = None,
        run_id: str | None = None,
        queue: str | None = None,
        delay: Duration | None = None,
        priority: int = 5,
        tags: Iterable[str] = (),
        metadata: Mapping[str, Any] | None = None,
    ) -> Snapshot: ...
    @overload
    def start(
        self,
        workflow: type[Workflow],
        payload: Mapping[str, Any] | None = None,
        /,
        *,
        trigger: str | None = None,
        idempotency_key: str | None = None,
        run_id: str | None = None,
        queue: str | None = None,
        delay: Duration | None = None,
        priority: int = 5,
        tags: Iterable[str] = (),
        metadata: Mapping[str, Any] | None = None,
    ) -> Snapshot: ...
    def start(
        self,
        what: Trigger[Any] | type[Workflow],
        payload: Any = None,
        /,
        *,
        trigger: str | None = None,
        idempotency_key: str | None = None,
        run_id: str | None = None,
        queue: str | None = None,
        delay: Duration | None = None,
        priority: int = 5,
        tags: Iterable[str] = (),
        metadata: Mapping[str, Any] | None = None,
    ) -> Snapshot:
        """Start a run, durably, and return what it is then.

        `what` is a trigger with a value of its contract, or a workflow (its first trigger, or the one named) with a
        mapping. Starting again with the same `idempotency_key` or `run_id` returns the run that there is, as far as it
        has come. `delay` keeps the first steps back; `priority` is 0 (first) to 9.

        Raises PayloadError, OptionError, NotFoundError for a workflow that is not registered, ConflictError where the
        key or id belongs to a run of another payload, and StorageError.
        """
        workflow, name = self._trigger(what, trigger)
        accepted = workflow.contracts[name].accept(payload)
        plan = workflow.plan
        now = self.store.clock.now()
        request = StartRequest(
            run_id=self._new_id(workflow.name, name, now, run_id, idempotency_key),
            trigger=name,
            payload=accepted.payload,
            payload_digest=digest(accepted.given),
            queue=options.name("queue", queue or workflow.definition.queue or self.queue),
            priority=options.integer("priority", priority, least=0, most=9),
            delay=0 if delay is None else options.milliseconds("delay", delay),
            tags=options.tags(tags),
            metadata=options.metadata(metadata),
            idempotency_key=options.optional_text("idempotency_key", idempotency_key),
        )
        draft = decisions.start(plan, request, now)
        append = to_append(draft)
        self.store.catalog.ensure_stored(plan, self.store.storage)
        if isinstance(self.store.commit(append), Conflict):
            return self._existing(request, workflow.name)
        self.store.committed(draft.state, append)
        if request.delay == 0:
            self.wakeups.wake(request.queue)
        return self._snapshot(draft.state, now)

    def _trigger(self, what: Trigger[Any] | type[Workflow], trigger: str | None) -> tuple[CompiledWorkflow, str]:
        catalog = self.store.catalog
        if isinstance(what, Trigger):
            return catalog.trigger(what)
        workflow = catalog.workflow(what)
        names = list(workflow.contracts)
        if trigger is None:
            return workflow, names[0]
        if trigger not in names:
            raise options.refuse("trigger", f"is no trigger of {workflow.name}", f"use one of {', '.join(names)}")
        return workflow, trigger

    def _new_id(self, workflow: str, trigger: str, now: int, run_id: str | None, key: str | None) -> str:
        if run_id is not None and key is not None:
            raise options.refuse("idempotency_key", "and run_id exclude each other", "pass one of them")
        if run_id is not None:
            return options.run_id(run_id)
        if key is not None:
            return derived_id(self.store.storage.namespace, workflow, trigger, options.text("idempotency_key", key))
        return run_id_at(now, options.random_bits())

    def _existing(self, request: StartRequest, workflow: str) -> Snapshot:
        """The run that has this id already, if it was started with the same payload."""
        state = self.store.state(request.run_id)
        if (state.workflow, state.trigger, state.payload_digest) != (workflow, request.trigger, request.payload_digest):
            raise ConflictError(
                f"run {request.run_id} was started before with another payload or trigger; use another key or id",
                details={"run_id": request.run_id},
            )
        return self._snapshot(state, self.store.clock.now())

    # Executing

    def execute_next(
        self,
        *,
        owner_id: str | None = None,
        queue: str | None = None,
        lease_for: Duration = 30,
        heartbeat_every: Duration | None = None,
    ) -> Snapshot | None:
        """Take one attempt that is due, run its body in this thread, and write what follows.

        Returns the run's snapshot afterwards, or `None` where nothing was due. A body that may run longer than
        `lease_for` needs `heartbeat_every`, or another worker takes the attempt over. Raises StorageError; what a body
        raises is recorded and never raised here.
        """
        state = execute_one(
            self.store,
            queue=self.queue if queue is None else options.name("queue", queue),
            owner_id=options.owner(owner_id),
            lease_for=options.milliseconds("lease_for", lease_for, least=100),
            heartbeat_every=None
            if heartbeat_every is None
            else options.milliseconds("heartbeat_every", heartbeat_every, least=50),
        )
        return None if state is None else self._snapshot(state, self.store.clock.now())

    def drain(
        self,
        *,
        limit: int = 200,
        time_limit: Duration = 50,
        owner_id: str | None = None,
        queue: str | None = None,
        lease_for: Duration = 30,
        heartbeat_every: Duration | None = None,
    ) -> int:
        """Call `execute_next` until nothing is due, `limit` attempts were made or `time_limit` has passed.

        Returns the number of attempts. An attempt that has begun is finished.
        """
        options.integer("limit", limit, least=1, most=1_000_000)
        end = time.monotonic() + options.milliseconds("time_limit", time_limit) / 1000
        for done in range(limit):
            if time.monotonic() >= end:
                return done
            found = self.execute_next(
                owner_id=owner_id, queue=queue, lease_for=lease_for, heartbeat_every=heartbeat_every
            )
            if found is None:
                return done
        return limit

    # Controlling

    def resume(
        self,
        run: RunRef,
        /,
        *,
        actor: str | Mapping[str, Any] | None = None,
        comment: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> Snapshot:
        """Let a run that waits at a pause go on. Raises InvalidTransitionError, NotFoundError, OptionError."""
        return self._resolve(run, "resume_run", self._command(actor, comment, metadata, idempotency_key))

    def approve(
        self,
        run: RunRef,
        /,
        *,
        actor: str | Mapping[str, Any],
        comment: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> Snapshot:
        """Say yes at an approval: the run takes its `ok` route. Raises as `resume` does."""
        command = self._command(actor, comment, metadata, idempotency_key, actor_required=True)
        return self._resolve(run, "approve_run", command)

    def reject(
        self,
        run: RunRef,
        /,
        *,
        actor: str | Mapping[str, Any],
        comment: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> Snapshot:
        """Say no at an approval: the run takes its `error` route. Raises as `resume` does."""
        command = self._command(actor, comment, metadata, idempotency_key, actor_required=True)
        return self._resolve(run, "reject_run", command)

    def cancel(
        self,
        run: RunRef,
        /,
        *,
        actor: str | Mapping[str, Any] | None = None,
        comment: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> Snapshot:
        """End a run that is not over. Running bodies are told; their results are dropped. Raises as `resume` does."""
        command = self._command(actor, comment, metadata, idempotency_key)
        return self._change(run, lambda draft: decisions.cancel(draft, command))

    def _command(
        self,
        actor: object,
        comment: str | None,
        metadata: Mapping[str, Any] | None,
        idempotency_key: str | None,
        *,
        actor_required: bool = False,
    ) -> ManualCommand:
        return ManualCommand(
            actor=options.actor(actor, required=actor_required),
            comment=options.optional_text("comment", comment, 10_000),
            metadata=options.metadata(metadata),
            idempotency_key=options.optional_text("idempotency_key", idempotency_key),
        )

    def _resolve(self, run: RunRef, signal: ManualSignal, command: ManualCommand) -> Snapshot:
        def decide(draft: decisions.Draft) -> None:
            decided_at = text(moment(draft.at)) or ""
            decisions.resolve_gate(draft, signal, command, decided_at=decided_at)

        return self._change(run, decide)

    def _change(self, run: RunRef, decide: Callable[[decisions.Draft], None]) -> Snapshot:
        state, _ = self.store.change(_id(run), decide)
        if not state.terminal:
            self.wakeups.wake(state.queue)
        return self._snapshot(state, self.store.clock.now())

    # Inspecting

    def inspect_run(self, run: RunRef, /, *, include_history: bool = False) -> Snapshot:
        """The run as it is now; `include_history` adds every entry of its journal. Raises NotFoundError, Corrupt."""
        run_id = _id(run)
        state = self.store.state(run_id)
        history = self._history(run_id, state.head.rev) if include_history else None
        head = self.store.storage.heads([run_id]).get(run_id)
        return snapshot(
            state,
            self.store.clock.now(),
            self._output_of(state),
            parked=head.park_reason if head is not None else None,
            quarantined=head.quarantine_reason if head is not None else None,
            history=history,
        )

    def list_runs(
        self,
        *,
        workflow: type[Workflow] | str | None = None,
        status: str | None = None,
        queue: str | None = None,
        tag: str | None = None,
        quarantined: bool | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> RunList:
        """A page of runs, newest start first, from the index alone. Raises OptionError for a filter that cannot be."""
        query = RunQuery(
            workflow=workflow if workflow is None or isinstance(workflow, str) else _workflow_name(workflow),
            status=options.status(status),
            queue=None if queue is None else options.name("queue", queue),
            tag=None if tag is None else options.name("tag", tag),
            quarantined=quarantined,
            limit=options.integer("limit", limit, least=1, most=1000),
            cursor=cursor,
        )
        return run_list(self.store.storage.find(query))

    # Caring for the store

    def unquarantine(self, run: RunRef, /) -> bool:
        """Let a run that was taken out of its queue take part again; says whether it was out.

        A run is quarantined when its journal could not be read twice. Repair it first, or it is quarantined again.
        Raises NotFoundError, OptionError.
        """
        return self.store.storage.unquarantine(_id(run))

    def rebuild_index(self) -> Mapping[str, str]:
        """Derive the index of every run anew from its journal, while everything goes on.

        Returns why, for each run whose journal cannot be read. Reservations and quarantine stay. Takes time in
        proportion to all journals.
        """
        failed: dict[str, str] = {}
        after: str | None = None
        while True:
            page = self.store.storage.rebuild_index(derive_index, after=after)
            failed.update(page.failed)
            if page.next_after is None:
                return failed
            after = page.next_after

    def _history(self, run_id: str, rev: int) -> Sequence[Mapping[str, Json]]:
        history: list[Mapping[str, Json]] = []
        for commit in self.store.storage.read(run_id):
            for number, entry in enumerate(decode_entries(commit.body), commit.rev):
                if number <= rev:
                    history.append({"rev": number, **to_plain(entry), "at": text(moment(entry.at))})
        return history

    def _snapshot(self, state: RunState, now: int) -> Snapshot:
        return snapshot(state, now, self._output_of(state))

    def _output_of(self, state: RunState) -> Callable[[Step[..., Any], Mapping[str, Json]], Any]:
        catalog, workflow, run_id = self.store.catalog, state.workflow, state.run_id

        def output_of(step: Step[..., Any], results: Mapping[str, Json]) -> Any:
            name = catalog.step_name(workflow, step)
            body = None if name is None else catalog.body(workflow, name)
            if name is None or body is None or name not in results:
                raise no_output(name or repr(step), run_id)
            return body.read_result(results[name])

        return output_of

    # Being there

    def close(self) -> None:
        """Give back what this object opened itself."""
        self.wakeups.close()
        self.store.close()
        for adapter in self._owned:
            adapter.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        names = ", ".join(sorted(self.store.catalog.workflows))
        return f"<Squidie on {self.store.storage.capabilities.name}, queue {self.queue}, workflows: {names or 'none'}>"


def _id(run: RunRef) -> str:
    return run.id if isinstance(run, Snapshot) else options.run_id(run)


def _workflow_name(workflow: type[Workflow]) -> str:
    return compiled(workflow).name
