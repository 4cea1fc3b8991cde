"""What a run that a scheduler started knows of its activation."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any

from squidie_core.authoring.triggers import Window
from squidie_core.dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """The activation of a cron trigger: what the trigger said then, and what the scheduler said.

    The window's times are in the trigger's time zone, so that its date is the one that was meant; `received_at` is in
    UTC. A replay keeps all but `idempotency` and `idempotency_key`.
    """

    workflow: str
    trigger_name: str
    cron_expression: str
    timezone: str
    received_at: datetime
    """When the run was started, however late that was."""
    signal_id: str | None = None
    """The scheduler's own name of the activation."""
    intended_window: Window | None = None
    """What the run is for."""
    idempotency: str | None = None
    """What the trigger said of a second delivery."""
    idempotency_key: str | None = None
    """What the activation is known by, where it starts one run."""

    def to_dict(self) -> dict[str, Any]:
        """The same as plain JSON, as the journal has it; all times in UTC."""
        plain: dict[str, Any] = {
            "workflow": self.workflow,
            "trigger_name": self.trigger_name,
            "cron_expression": self.cron_expression,
            "timezone": self.timezone,
            "received_at": _text(self.received_at),
            "signal_id": self.signal_id,
            "idempotency": self.idempotency,
            "idempotency_key": self.idempotency_key,
        }
        if self.intended_window is not None:
            bounds = {"start_at": self.intended_window.start, "end_at": self.intended_window.end}
            plain["intended_window"] = {name: _text(at) for name, at in bounds.items() if at is not None}
        return {name: value for name, value in plain.items() if value is not None}


def schedule_of(plain: Mapping[str, Any]) -> Schedule:
    """The schedule that `to_dict` gave."""
    bounds = {name: datetime.fromisoformat(at) for name, at in plain.get("intended_window", {}).items()}
    window = Window(bounds["start_at"], bounds.get("end_at")) if bounds else None
    read: dict[str, Any] = {
        "received_at": datetime.fromisoformat(plain["received_at"]),
        "intended_window": local(window, plain["timezone"]),
    }
    return Schedule(**{**plain, **read})


def local(window: Window | None, timezone: str) -> Window | None:
    """The same window, its times in the time zone."""
    if window is None:
        return None
    zone = zone_of(timezone)
    return Window(window.start.astimezone(zone), None if window.end is None else window.end.astimezone(zone))


def zone_of(timezone: str) -> tzinfo:
    """The time zone of this name, UTC where this machine does not know it."""
    if timezone == "UTC":
        return UTC
    from zoneinfo import ZoneInfo  # noqa: PLC0415  # few runs need it, and it takes a while to import

    try:
        return ZoneInfo(timezone)
    except (LookupError, ValueError, OSError):
        return UTC


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
