"""Squidie: one object through which an application starts, advances, controls and inspects its runs."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack, overload

from squidie_core import decisions
from squidie_core.authoring import Duration, Trigger, Workflow, compiled
from squidie_core.decisions import ManualCommand
from squidie_core.decisions.control import ManualSignal
from squidie_core.errors import OptionError
from squidie_core.inspection import Metrics, RunList, Snapshot
from squidie_core.inspection.snapshot import snapshot
from squidie_core.inspection.times import moment, text
from squidie_core.plugins import open_plugin, scheme_of
from squidie_core.ports.notifier import Notifier
from squidie_core.ports.storage import RunQuery, Storage
from squidie_core.runtime import options
from squidie_core.runtime.berths import Hosts
from squidie_core.runtime.catalog import Catalog
from squidie_core.runtime.inspecting import history_of, output_reader, park_reason
from squidie_core.runtime.listing import run_list
from squidie_core.runtime.purging import Purge, purge
from squidie_core.runtime.single import execute_one
from squidie_core.runtime.starting import StartKeywords, StartOptions, start_run, start_runs
from squidie_core.runtime.store import RunStore
from squidie_core.runtime.telemetry import Telemetry
from squidie_core.runtime.wakeups import Wakeups
from squidie_core.state import RunState

if TYPE_CHECKING:
    from squidie_core.ports.instrumentation import Instrumentation
    from squidie_core.runtime.doctor import Diagnosis

logging.getLogger("squidie").addHandler(logging.NullHandler())  # what is logged is the host's to show

T = TypeVar("T")
RunRef = str | Snapshot
"""A run's id, or any snapshot of it."""


class Squidie:
    """The durable workflow runtime inside an application.

    `storage` is a URL, whose scheme finds the adapter, or a Storage. `workflows` are those whose runs this process may
    start and execute. `resources` are given to bodies that ask for them by type. `queue` is where runs start and where
    this object looks for work unless told otherwise. `namespace` keeps several applications apart in one store.
    `notifier` carries hints to the workers of other processes; one given as a URL gets the namespace, and where its
    scheme is the storage's the `storage_options` too. `instrumentation` is told what happens.

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
        instrumentation: Instrumentation | None = None,
    ) -> None:
        self.queue = options.name("queue", queue)
        catalog = Catalog(workflows, resources or {})
        self._owned: list[Storage | Notifier] = []
        self.hosts = Hosts()
        telemetry = Telemetry(instrumentation)
        self.store = RunStore(self._open_storage(storage, namespace, storage_options), catalog, telemetry)
        try:
            self.wakeups = Wakeups(self._open_notifier(notifier, storage, storage_options))
        except BaseException:
            self._close_owned()
            raise

    @classmethod
    def from_env(
        cls,
        *,
        workflows: Iterable[type[Workflow]] = (),
        resources: Mapping[type, object] | None = None,
        storage_options: Mapping[str, Any] | None = None,
    ) -> Self:
        """Open what `SQUIDIE_URL` and its siblings name, or `[tool.squidie]` of the nearest pyproject.toml.

        Raises OptionError where no URL is set or a setting cannot be used; its text says where the setting stands.
        """
        from squidie_core.runtime.config import read_settings  # noqa: PLC0415  # reading files is for those who ask

        settings = read_settings()
        with settings.blaming():
            url = settings.require("url")
            return cls(url, workflows=workflows, resources=resources, **settings.opening(storage_options))

    def _open_storage(self, storage: str | Storage, namespace: str | None, given: Mapping[str, Any] | None) -> Storage:
        if not isinstance(storage, str):
            if namespace is not None or given:
                raise OptionError("namespace and storage_options go with a URL; set them on the Storage itself")
            if not hasattr(storage, "commit"):
                raise OptionError(f"storage is a {type(storage).__name__}; pass a URL or a Storage")
            return storage
        chosen = dict(given or {})
        if namespace is not None:
            chosen["namespace"] = options.name("namespace", namespace)
        opened: Storage = open_plugin("storage", storage, chosen)
        self._owned.append(opened)
        return opened

    def _open_notifier(
        self, notifier: str | Notifier | None, storage: str | Storage, storage_options: Mapping[str, Any] | None
    ) -> Notifier | None:
        if not isinstance(notifier, str):
            return notifier
        of_one_kind = isinstance(storage, str) and scheme_of(storage) == scheme_of(notifier)
        chosen = dict((of_one_kind and storage_options) or {})
        chosen["namespace"] = self.store.storage.namespace
        opened: Notifier = open_plugin("notifier", notifier, chosen)
        self._owned.append(opened)
        return opened

    # Starting

    @overload
    def start(self, trigger: Trigger[T], payload: T, /, **options: Unpack[StartKeywords]) -> Snapshot: ...
    @overload
    def start(self, trigger: Trigger[Any], /, **options: Unpack[StartKeywords]) -> Snapshot: ...
    @overload
    def start(
        self,
        workflow: type[Workflow],
        payload: Mapping[str, Any] | None = None,
        /,
        *,
        trigger: str | None = None,
        **options: Unpack[StartKeywords],
    ) -> Snapshot: ...
    def start(
        self,
        what: Trigger[Any] | type[Workflow],
        payload: Any = None,
        /,
        *,
        trigger: str | None = None,
        **options: Unpack[StartKeywords],
    ) -> Snapshot:
        """Start a run, durably, and return what it is then.

        `what` is a trigger with a value of its contract, or a workflow (its first trigger, or the one named) with a
        mapping. Starting again with the same `idempotency_key` or `run_id` returns the run that there is, as far as it
        has come. `queue`; `delay` keeps the first steps back; `priority` is 0 (first) to 9; `tags` to list it by;
        `metadata` is kept with the receipt.

        Raises PayloadError, OptionError, NotFoundError for a workflow that is not registered, ConflictError where the
        key or id belongs to a run of another payload, PurgedError where it belongs to one that was purged, and
        StorageError.
        """
        given = StartOptions.of(self.queue, trigger, options)
        started = start_run(self.store, self.hosts, what, payload, given)
        found = self._snapshot(started.state, self.store.clock.now())
        wants_worker = started.wants_worker
        started.board()
        if wants_worker:
            self.wakeups.wake(found.queue)
        return found

    def start_many(
        self,
        trigger: Trigger[T],
        payloads: Sequence[T],
        /,
        *,
        idempotency_keys: Sequence[str] | None = None,
        queue: str | None = None,
        delay: Duration | None = None,
        priority: int = 5,
        tags: Iterable[str] = (),
        metadata: Mapping[str, Any] | None = None,
    ) -> list[Snapshot]:
        """Start a run for each payload, in as few round trips as the store allows; the options are those of `start`.

        All payloads are checked before anything is written; each run is then started on its own, with a key of its own
        where `idempotency_keys` has one for each. Raises as `start` does; where a key belongs to a run of another
        payload, or the store fails between, the other runs may have been started.
        """
        given = StartOptions(
            default_queue=self.queue, queue=queue, delay=delay, priority=priority, tags=tuple(tags), metadata=metadata
        )
        started = start_runs(self.store, trigger, payloads, given, idempotency_keys)
        wanting = sum(each.wants_worker for each in started)
        if wanting:
            self.wakeups.wake(started[0].state.queue, wanting)
        now = self.store.clock.now()
        return [self._snapshot(each.state, now) for each in started]

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
        if state is None:
            return None
        if not state.terminal:
            self.wakeups.wake(state.queue)
        return self._snapshot(state, self.store.clock.now())

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
        history = history_of(self.store.storage, run_id, state.head.rev) if include_history else None
        head = self.store.storage.heads([run_id]).get(run_id)
        now = self.store.clock.now()
        return snapshot(
            state,
            now,
            output_reader(self.store, state),
            parked=park_reason(self.store.catalog, state, head, now),
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
            cursor=options.optional_text("cursor", cursor),
        )
        return run_list(self.store.storage.find(query))

    def metrics(self) -> Metrics:
        """What this object, its workers and its callers have done in this process so far. Asks the store nothing."""
        return self.store.telemetry.read()

    # Caring for the store

    def doctor(self, *, stuck_after: Duration = 300, sample: int = 100) -> Diagnosis:
        """Examine the store and the runs in it, and change nothing; `squidie doctor` prints this.

        A run is stuck that has been due for `stuck_after` and that nobody took. Of about `sample` runs the journals are
        read whole, and the index is compared with them.
        """
        from squidie_core.runtime.doctor import examine  # noqa: PLC0415  # for the few who ask

        return examine(
            self.store.storage,
            self.wakeups.notifier,
            stuck_after=options.milliseconds("stuck_after", stuck_after),
            sample=options.integer("sample", sample, least=0, most=1_000_000),
        )

    def purge(
        self,
        *,
        before: datetime | Duration,
        statuses: Iterable[str] = options.ENDED,
        remember_for: Duration = timedelta(days=90),
        limit: int | None = None,
        dry_run: bool = False,
    ) -> Purge:
        """Forget runs that ended before that moment, or so long ago, with one of these statuses; says how many.

        A run goes whole: journal, checkpoint and listing. For `remember_for` starting it again, by its key or id, does
        not run it twice but raises PurgedError, which tells how it ended; later the id is free. Runs that are not over
        stay, as do quarantined ones and those that another run may await.

        Goes in small transactions while everything goes on, `limit` runs at most; what it took is gone also where a
        later one fails. `dry_run` only counts. Raises OptionError, StorageError.
        """
        now = self.store.clock.now()
        return purge(
            self.store.storage,
            before=options.earlier("before", before, now),
            statuses=options.ended_statuses(statuses),
            remember_until=now + options.milliseconds("remember_for", remember_for),
            limit=None if limit is None else options.integer("limit", limit, least=1, most=2**31),
            dry_run=dry_run,
        )

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
            page = self.store.storage.rebuild_index(self.store.derive_index, after=after)
            failed.update(page.failed)
            if page.next_after is None:
                return failed
            after = page.next_after

    def _snapshot(self, state: RunState, now: int) -> Snapshot:
        parked = park_reason(self.store.catalog, state, None, now)
        return snapshot(state, now, output_reader(self.store, state), parked=parked)

    # Being there

    def close(self) -> None:
        """Give back what this object opened itself."""
        self.wakeups.close()
        self.store.close()
        self._close_owned()

    def _close_owned(self) -> None:
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
