"""What an application tells its runs: to start, to go on, to end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, Unpack, overload

from squidie_core import decisions
from squidie_core.authoring import Duration, Trigger, Workflow
from squidie_core.decisions import ManualCommand
from squidie_core.decisions.control import ManualSignal
from squidie_core.decisions.drift import refuse_drifted
from squidie_core.inspection import Snapshot
from squidie_core.inspection.times import moment, text
from squidie_core.runtime import options
from squidie_core.runtime.client import Client, RunRef, id_of, snapshot_of
from squidie_core.runtime.starting import StartKeywords, StartOptions, start_run, start_runs

if TYPE_CHECKING:
    from squidie_core.authoring.dynamic import DynamicWork
    from squidie_core.definition.model import DefinitionChoice
    from squidie_core.journal.entries import WorkStatus
    from squidie_core.signals import Signal

T = TypeVar("T")


def begin(
    client: Client, what: Trigger[Any] | type[Workflow], payload: Any, given: StartOptions
) -> tuple[Snapshot, bool]:
    """Start a run, and tell workers of it: the run that there is now, and whether it is new. Raises as `start`."""
    started = start_run(client.store, client.hosts, what, payload, given)
    found = snapshot_of(client.store, started.state, client.store.clock.now())
    wants_worker = started.wants_worker
    started.board()
    if wants_worker:
        client.wakeups.wake(found.queue)
    return found, started.is_new


class Commands(Client):
    """The commands. Each is one commit, whose entries include its receipt. Safe to use from any thread."""

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
        given = StartOptions.of(self.queue, trigger, options, occurred_at=self.occurred_at)
        return begin(self, what, payload, given)[0]

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
        """Let a run that waits at a pause go on.

        The command is checked before the run is looked up: OptionError with the code `invalid_resume` for an actor, a
        comment or metadata that cannot be. Then raises NotFoundError, or InvalidTransitionError where the run is not at
        a pause (`unsupported_manual_step` where it waits for an approval).
        """
        command = self._command(actor, comment, metadata, idempotency_key, code="invalid_resume")
        return self._resolve(run, "resume_run", command)

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
        """Say yes at an approval: the run takes its `ok` route. Raises as `resume` does, but `invalid_review`."""
        command = self._command(actor, comment, metadata, idempotency_key, code="invalid_review", actor_required=True)
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
        """Say no at an approval: the run takes its `error` route. Raises as `approve` does."""
        command = self._command(actor, comment, metadata, idempotency_key, code="invalid_review", actor_required=True)
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
        compensate: bool | None = None,
        children: bool = False,
    ) -> Snapshot:
        """End a run that is not over. Running bodies are told; their results are dropped.

        `compensate=True` undoes first what the run did, by the callbacks of the steps that were applied, as after a
        failure; the run ends as cancelled then. A run that is being undone already ends by itself and is not cancelled;
        `compensate=False` ends it at once, and what was not undone is listed. Raises as `resume` does.

        With `children` the runs that its steps have started are cancelled in the same way, and those that these have
        started, each by a commit of its own after its parent's. Should that be interrupted, say it again: for this a
        run that was cancelled before may be cancelled with its children.
        """
        command = self._command(actor, comment, metadata, idempotency_key)
        undo = options.optional_flag("compensate", compensate)
        if options.flag("children", children):
            from squidie_core.runtime.families import cancel_family  # noqa: PLC0415  # few runs have children

            state = cancel_family(self.store, id_of(run), command, compensate=undo)
            return self._snapshot(state, self.store.clock.now())
        return self._change(run, lambda draft: decisions.cancel(draft, command, compensate=undo))

    def replay(
        self,
        run: RunRef,
        /,
        *,
        allow_irreversible: bool = False,
        definition: DefinitionChoice = "original",
        actor: str | Mapping[str, Any] | None = None,
        comment: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
        run_id: str | None = None,
        queue: str | None = None,
    ) -> Snapshot:
        """Start another run with the trigger and the whole payload of this one, and return what it is then.

        It goes by the definition of this one, or by the `current` one, whose contract the payload must satisfy then.
        This one need not be over and is not changed. Replaying again with the same `idempotency_key` or `run_id`
        returns the run that there is. `queue` and what the run is listed by are those of this one.

        Raises UnsafeReplayError where completed steps of this run are irreversible or cannot be compensated, by the
        definition that it went by, unless `allow_irreversible` is True; NotFoundError, which PurgedError is;
        ConflictError where the key or id belongs to another replay or run; PayloadError, OptionError, StorageError.
        """
        from squidie_core.runtime.replaying import ReplayOptions, replay_run  # noqa: PLC0415  # few runs are replayed

        given = ReplayOptions(
            command=self._command(actor, comment, metadata, idempotency_key),
            definition=options.definition(definition),
            allow_irreversible=options.flag("allow_irreversible", allow_irreversible),
            run_id=run_id,
            queue=queue,
        )
        started = replay_run(self.store, id_of(run), given)
        if started.wants_worker:
            self.wakeups.wake(started.state.queue)
        return self._snapshot(started.state, self.store.clock.now())

    def record_dynamic_work(self, run: RunRef, work: DynamicWork | Mapping[str, Any], /) -> Snapshot:
        """Keep dynamic work as evidence: it is shown with the run, and nothing of it is executed.

        `work` is a DynamicWork or a mapping of its fields. Where this object has `actions`, each node must have one of
        them. The very same work again changes nothing. Raises DynamicWorkError for work that is not valid or that the
        run does not take, such as of an origin that was not planned, ConflictError where other work has its key,
        NotFoundError, OptionError.
        """
        return self._add_work(run, work, "recorded")

    def schedule_dynamic_work(self, run: RunRef, work: DynamicWork | Mapping[str, Any], /) -> Snapshot:
        """Keep dynamic work and have its nodes executed, each once all that lead to it are applied.

        Its origin must be applied. The run ends when its steps and all of its nodes are over; a node that fails for
        good fails the run. Otherwise as `record_dynamic_work`.
        """
        return self._add_work(run, work, "scheduled")

    def _add_work(self, run: RunRef, work: DynamicWork | Mapping[str, Any], status: WorkStatus) -> Snapshot:
        from squidie_core.decisions.dynamic import add_work  # noqa: PLC0415  # few applications need it
        from squidie_core.runtime.dynamic import read_work  # noqa: PLC0415  # few applications need it

        read = read_work(work, status, self.store.catalog.actions)
        return self._change(run, lambda draft: add_work(draft, read), going_on=True)

    def apply_signal(self, signal: Signal, /) -> Snapshot:
        """Do what the signal asks for, once for its idempotency key, and return what the run is then.

        The store's clock says when; the receipt keeps when it was asked for. Raises OptionError for what is no signal
        and as the command of the same name does.
        """
        from squidie_core.runtime.receiving import apply  # noqa: PLC0415  # for those who have signals

        return apply(self, signal)

    def _command(
        self,
        actor: object,
        comment: str | None,
        metadata: Mapping[str, Any] | None,
        idempotency_key: str | None,
        *,
        code: str = "invalid_option",
        actor_required: bool = False,
    ) -> ManualCommand:
        return ManualCommand(
            actor=options.actor(actor, required=actor_required, code=code),
            comment=options.optional_text("comment", comment, 10_000, code),
            metadata=options.metadata(metadata, code),
            idempotency_key=options.optional_text("idempotency_key", idempotency_key),
            occurred_at=self.occurred_at,
        )

    def _resolve(self, run: RunRef, signal: ManualSignal, command: ManualCommand) -> Snapshot:
        def decide(draft: decisions.Draft) -> None:
            decided_at = text(moment(draft.at)) or ""
            decisions.resolve_gate(draft, signal, command, decided_at=decided_at)

        return self._change(run, decide, going_on=True)

    def _change(self, run: RunRef, decide: Callable[[decisions.Draft], None], *, going_on: bool = False) -> Snapshot:
        """`going_on`: what is decided is refused to a run that must not go on with the code of today."""

        def checked(draft: decisions.Draft) -> None:
            decide(draft)
            current = self.store.catalog.drifted(draft.plan)
            if going_on and draft.entries and current is not None:
                raise refuse_drifted(draft.state.run_id, draft.plan, current)

        state, _ = self.store.change(id_of(run), checked)
        if not state.terminal:
            self.wakeups.wake(state.queue)
        return self._snapshot(state, self.store.clock.now())
