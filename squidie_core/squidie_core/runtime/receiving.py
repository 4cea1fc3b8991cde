"""Applying signals: each is the command of the same name, asked for when the signal says."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from squidie_core.authoring.triggers import Window
from squidie_core.errors import NotFoundError, OptionError
from squidie_core.inspection import Snapshot
from squidie_core.inspection.times import milliseconds_at
from squidie_core.journal.values import decode, decode_mapping
from squidie_core.runtime.activations import Cron, activate
from squidie_core.runtime.client import told
from squidie_core.runtime.commands import Commands
from squidie_core.signals import Signal


def apply(commands: Commands, signal: object) -> Snapshot:
    """What the run is then. Raises OptionError for what is no signal, and as the command does."""
    if not isinstance(signal, Signal):
        raise OptionError(
            f"a {type(signal).__name__} is no signal; pass Signal.start_run(...) or another",
            code="invalid_signal",
            details={"field": "signal", "reason": "invalid"},
        )
    asking = told(commands, occurred_at=milliseconds_at(signal.occurred_at))
    given = {name: decode(value) if name in _VALUES else value for name, value in signal.payload.items()}
    metadata = decode_mapping(signal.metadata) or None
    if signal.type == "start_cron":
        return _start_cron(asking, given, metadata)
    given |= {"metadata": metadata, "idempotency_key": signal.idempotency_key}
    if signal.type == "start_run":
        return asking.start(_workflow(asking, given.pop("workflow")), given.pop("input", None), **given)
    decided: Snapshot = getattr(asking, signal.type.removesuffix("_run"))(given.pop("run_id"), **given)
    return decided


_VALUES = {"input", "actor"}


def _workflow(commands: Commands, name: str) -> Any:
    found = commands.store.catalog.workflows.get(name)
    if found is None:
        raise NotFoundError(
            f"workflow {name!r} is not registered here; pass it in workflows=[...] to Squidie(...)",
            code="unknown_workflow",
            details={"workflow": name},
        )
    return found.workflow


def _start_cron(commands: Commands, given: Mapping[str, Any], metadata: Mapping[str, Any] | None) -> Snapshot:
    bounds = {name: datetime.fromisoformat(at).astimezone(UTC) for name, at in given.get("intended_window", {}).items()}
    window = Window(bounds["start_at"], bounds.get("end_at")) if bounds else None
    cron = Cron(workflow=given["workflow"], trigger=given["trigger"], signal_id=given.get("signal_id"), window=window)
    return activate(commands, cron, metadata)[0]
