"""Starting the run that a scheduler's activation asks for, once for each identity where the trigger says so."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from squidie_core.authoring import CompiledWorkflow
from squidie_core.authoring.triggers import CronOptions, Window
from squidie_core.dataclass import dataclass
from squidie_core.errors import ConflictError, NotFoundError, OptionError
from squidie_core.inspection import Snapshot
from squidie_core.inspection.times import text
from squidie_core.journal.identity import derived_id
from squidie_core.runtime.catalog import Catalog
from squidie_core.runtime.client import snapshot_of, told
from squidie_core.runtime.commands import Commands

INVALID = "invalid_runtime_payload"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cron:
    """Start the run of a cron trigger. What identifies the activation is `signal_id`, or else a whole window."""

    workflow: str
    trigger: str
    signal_id: str | None = None
    window: Window | None = None


@dataclass(frozen=True, slots=True)
class Activation:
    """What a scheduler asked for, with what is registered here under these names."""

    cron: Cron
    workflow: CompiledWorkflow
    options: CronOptions
    received_at: datetime

    @property
    def identity(self) -> str | None:
        """What names this activation, where anything does."""
        return self.cron.signal_id or _window_id(self.cron)

    @property
    def payload(self) -> Any:
        """What the run starts with."""
        window = self.cron.window or Window(self.received_at)
        return None if self.options.values is None else self.options.values(window)

    @property
    def schedule(self) -> Mapping[str, Any]:
        """What the run keeps of it."""
        schedule: dict[str, Any] = {
            "workflow": self.cron.workflow,
            "trigger": self.cron.trigger,
            "expression": self.options.expression,
            "timezone": self.options.timezone,
            "received_at": text(self.received_at),
        }
        if self.cron.signal_id is not None:
            schedule["signal_id"] = self.cron.signal_id
        if self.cron.window is not None:
            bounds = {"start_at": self.cron.window.start, "end_at": self.cron.window.end}
            schedule["intended_window"] = {name: text(at) for name, at in bounds.items() if at is not None}
        return schedule


def resolve(catalog: Catalog, cron: Cron, received_at: datetime) -> Activation:
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


def activate(
    commands: Commands,
    activation: Activation,
    metadata: Mapping[str, Any] | None = None,
) -> tuple[Snapshot, bool]:
    """The run of the activation, and whether it is new.

    Raises OptionError where the trigger starts once for each identity and there is none, and as `Squidie.start` does.
    """
    cron, identity = activation.cron, activation.identity
    if activation.options.idempotency is None:
        return _start(commands, activation, None, metadata), True
    if identity is None:
        raise OptionError(
            f"trigger {cron.trigger!r} of {cron.workflow!r} starts once for each activation, and this one has no name; "
            "pass signal_id= or an intended_window with its end to Payload.cron(...)",
            code="missing_schedule_idempotency_key",
            details={"workflow": cron.workflow, "trigger": cron.trigger},
        )
    run_id = derived_id(commands.store.storage.namespace, cron.workflow, cron.trigger, identity)
    known = _find(commands, run_id)
    if known is not None:
        return known, False
    try:
        return _start(commands, activation, identity, metadata), True
    except ConflictError:  # somebody was faster, and values(...) gave something else there
        return _look(commands, run_id), False


def _start(
    commands: Commands, activation: Activation, identity: str | None, metadata: Mapping[str, Any] | None
) -> Snapshot:
    return told(commands, schedule=activation.schedule).start(
        activation.workflow.workflow,
        activation.payload,
        trigger=activation.cron.trigger,
        idempotency_key=identity,
        metadata=metadata,
    )


def _window_id(cron: Cron) -> str | None:
    """The name of an activation that is known by its window alone."""
    window = cron.window
    if window is None or window.end is None:
        return None
    parts = (cron.workflow, cron.trigger, *(at.astimezone(UTC).isoformat() for at in (window.start, window.end)))
    joined = "|".join(f"{len(part.encode())}:{part}" for part in parts)
    digest = hashlib.sha256(joined.encode()).digest()
    return f"sha256:{base64.urlsafe_b64encode(digest).decode('ascii').rstrip('=')}"


def _find(commands: Commands, run_id: str) -> Snapshot | None:
    try:
        return _look(commands, run_id)
    except NotFoundError:
        return None


def _look(commands: Commands, run_id: str) -> Snapshot:
    return snapshot_of(commands.store, commands.store.state(run_id), commands.store.clock.now())
