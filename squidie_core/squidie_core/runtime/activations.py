"""Starting the run that a scheduler's activation asks for, once for each identity where the trigger says so."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

from squidie_core.authoring import CompiledWorkflow, Trigger
from squidie_core.authoring.schedules import Schedule, local
from squidie_core.authoring.triggers import CronOptions, Window
from squidie_core.dataclass import record
from squidie_core.errors import ConflictError, NotFoundError, OptionError, PurgedError
from squidie_core.inspection import Snapshot
from squidie_core.inspection.times import moment
from squidie_core.journal.identity import derived_id
from squidie_core.runtime.catalog import Catalog
from squidie_core.runtime.client import Client, snapshot_of
from squidie_core.runtime.commands import begin
from squidie_core.runtime.starting import StartOptions

INVALID = "invalid_runtime_payload"

Outcome: TypeAlias = Literal["started", "existing", "skipped"]


@record(frozen=True, slots=True, kw_only=True)
class Cron:
    """Start the run of a cron trigger. What identifies the activation is `signal_id`, or else a whole window."""

    workflow: str
    trigger: str
    signal_id: str | None = None
    window: Window | None = None

    @property
    def identity(self) -> str | None:
        """What names this activation, where anything does."""
        return self.signal_id or self._window_id()

    def _window_id(self) -> str | None:
        window = self.window
        if window is None or window.end is None:
            return None
        parts = (self.workflow, self.trigger, *(at.astimezone(UTC).isoformat() for at in (window.start, window.end)))
        joined = "|".join(f"{len(part.encode())}:{part}" for part in parts)
        digest = hashlib.sha256(joined.encode()).digest()
        return f"sha256:{base64.urlsafe_b64encode(digest).decode('ascii').rstrip('=')}"


@record(frozen=True, slots=True)
class Activation:
    """What a scheduler asked for, with what is registered here under these names."""

    cron: Cron
    workflow: CompiledWorkflow
    options: CronOptions
    received_at: datetime

    @property
    def payload(self) -> Any:
        """What the run starts with; the application sees the window in the time zone of its trigger."""
        window = local(self.cron.window or Window(self.received_at), self.options.timezone)
        return None if self.options.values is None or window is None else self.options.values(window)

    def schedule(self, identity: str | None) -> Schedule:
        """What the run keeps of it; `identity` is what it is known by, where it starts one run."""
        return Schedule(
            workflow=self.cron.workflow,
            trigger_name=self.cron.trigger,
            cron_expression=self.options.expression,
            timezone=self.options.timezone,
            received_at=self.received_at,
            signal_id=self.cron.signal_id,
            intended_window=self.cron.window,
            idempotency=self.options.idempotency,
            idempotency_key=identity,
        )


def activate(
    client: Client, cron: Cron, metadata: Mapping[str, Any] | None = None, *, once: bool = False
) -> tuple[Snapshot, Outcome]:
    """The run of the activation, and how it came about.

    Where the trigger says that it starts once for each activation, or with `once`, the run is looked for by the
    activation's identity before anything of the application's is called, and found whatever became of the trigger's
    code. What is done about a second delivery is what the trigger said when the run was started.

    Raises PurgedError where there was such a run; NotFoundError for names that are not registered here; OptionError for
    a trigger that is not cron's, and where a trigger that starts once is given no identity; and as `Squidie.start`.
    """
    trigger, identity = _trigger(client.store.catalog, cron), cron.identity
    options = None if trigger is None else trigger.cron
    each = not once and options is not None and options.idempotency is None
    run_id = None
    if identity is not None and not each and (trigger is None or options is not None):
        run_id = derived_id(client.store.storage.namespace, cron.workflow, cron.trigger, identity)
        known = _find(client, run_id)
        if known is not None:
            return known, repeated(client.store.catalog, cron, known)
    activation = _resolve(client.store.catalog, cron, moment(client.store.clock.now()))
    if run_id is None and not each:
        raise OptionError(
            f"trigger {cron.trigger!r} of {cron.workflow!r} starts once for each activation, and this one has no name; "
            "pass signal_id= or an intended_window with its end",
            code="missing_schedule_idempotency_key",
            details={"workflow": cron.workflow, "trigger": cron.trigger},
        )
    key = None if run_id is None else identity
    try:
        return _start(client, activation, key, metadata)
    except ConflictError:  # somebody was faster, and values(...) gave something else there
        if run_id is None:
            raise
        known = _look(client, run_id)
        return known, repeated(client.store.catalog, cron, known)


def repeated(catalog: Catalog, cron: Cron, known: Snapshot | None) -> Outcome:
    """What a second delivery comes to: as the trigger said when its run was started, or says now where none is left."""
    if known is not None and known.schedule is not None:
        overlap = known.schedule.idempotency
    else:
        trigger = _trigger(catalog, cron)
        overlap = None if trigger is None or trigger.cron is None else trigger.cron.idempotency
    return "skipped" if overlap == "skip_duplicate" else "existing"


def _trigger(catalog: Catalog, cron: Cron) -> Trigger[Any] | None:
    workflow = catalog.workflows.get(cron.workflow)
    return None if workflow is None else workflow.triggers.get(cron.trigger)


def _resolve(catalog: Catalog, cron: Cron, received_at: datetime) -> Activation:
    """Raises NotFoundError for names that are not registered here, OptionError for a trigger that is not cron's."""
    workflow = catalog.workflows.get(cron.workflow)
    if workflow is None:
        raise NotFoundError(
            f"workflow {cron.workflow!r} is not registered here; pass it in workflows=[...] to Squidie(...)",
            code="unknown_workflow",
            details={"workflow": cron.workflow},
        )
    trigger = workflow.triggers.get(cron.trigger)
    details = {"workflow": cron.workflow, "trigger": cron.trigger}
    if trigger is None:
        raise NotFoundError(
            f"workflow {cron.workflow!r} has no trigger {cron.trigger!r}; it has {', '.join(workflow.triggers)}",
            code="unknown_trigger",
            details=details,
        )
    if trigger.cron is None:
        raise OptionError(
            f"trigger {cron.trigger!r} of {cron.workflow!r} is not cron's; start it with Squidie.start",
            code=INVALID,
            details=details,
        )
    return Activation(cron, workflow, trigger.cron, received_at)


def _start(
    client: Client, activation: Activation, identity: str | None, metadata: Mapping[str, Any] | None
) -> tuple[Snapshot, Outcome]:
    given = StartOptions(
        default_queue=client.queue,
        trigger=activation.cron.trigger,
        idempotency_key=identity,
        metadata=metadata,
        schedule=activation.schedule(identity).to_dict(),
        occurred_at=client.occurred_at,
    )
    run, is_new = begin(client, activation.workflow.workflow, activation.payload, given)
    return run, "started" if is_new else repeated(client.store.catalog, activation.cron, run)


def _find(client: Client, run_id: str) -> Snapshot | None:
    try:
        return _look(client, run_id)
    except PurgedError:
        raise
    except NotFoundError:
        return None


def _look(client: Client, run_id: str) -> Snapshot:
    return snapshot_of(client.store, client.store.state(run_id), client.store.clock.now())
