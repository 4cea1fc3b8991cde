"""What a delivery carries: a plain mapping that any queue can keep, and its reading."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeAlias, cast

from squidie_core.authoring import Duration, Workflow, compiled
from squidie_core.authoring.triggers import Window
from squidie_core.dataclass import dataclass
from squidie_core.errors import OptionError
from squidie_core.journal.entries import Json
from squidie_core.runtime import options
from squidie_core.runtime.activations import INVALID, Cron


@dataclass(frozen=True, slots=True, kw_only=True)
class Drain:
    """Execute what is due in a queue, the host's own where none is named; `time_limit` in seconds."""

    queue: str | None = None
    limit: int = 200
    time_limit: float = 50


Task: TypeAlias = Cron | Drain


class Payload:
    """Makes what `Runner.perform` performs: mappings of plain JSON with string keys."""

    @staticmethod
    def cron(
        workflow: type[Workflow] | str,
        trigger: str,
        /,
        *,
        signal_id: str | None = None,
        intended_window: Window | None = None,
    ) -> dict[str, Json]:
        """An activation of a cron trigger; delivering it starts a run.

        `signal_id` is the scheduler's own name of the activation; `intended_window` is what it is for, however late it
        is delivered (aware times). A trigger with `idempotency=` needs one of them, the window with its end.
        Raises OptionError.
        """
        payload: dict[str, Json] = {
            "kind": "cron",
            "workflow": workflow if isinstance(workflow, str) else compiled(workflow).name,
            "trigger": trigger,
        }
        if signal_id is not None:
            payload["signal_id"] = signal_id
        if intended_window is not None:
            payload["intended_window"] = _window_json(intended_window)
        read(payload)
        return payload

    @staticmethod
    def drain(queue: str | None = None, *, limit: int = 200, time_limit: Duration = 50) -> dict[str, Json]:
        """A request to execute what is due, within limits that are those of `Squidie.drain`. Raises OptionError."""
        seconds = options.milliseconds("time_limit", time_limit) / 1000
        payload: dict[str, Json] = {"kind": "drain", "limit": limit, "time_limit": seconds}
        if queue is not None:
            payload["queue"] = queue
        read(payload)
        return payload


def read(payload: object) -> Task:
    """What the payload asks for. Raises OptionError, code `invalid_runtime_payload`; it never echoes a value."""
    if not isinstance(payload, Mapping):
        raise _refuse("is no mapping")
    fields = dict(cast("Mapping[str, Any]", payload))
    kind = fields.pop("kind", None)
    known = _FIELDS.get(kind) if isinstance(kind, str) else None
    if known is None:
        raise _refuse('has no kind "cron" or "drain"')
    strange = sorted(str(name) for name in fields if name not in known)
    if strange:
        raise _refuse(f"has fields that a {kind} does not have: {', '.join(strange)}")
    return _read_cron(fields) if kind == "cron" else _read_drain(fields)


_FIELDS: Mapping[str, frozenset[str]] = {
    "cron": frozenset({"workflow", "trigger", "signal_id", "intended_window"}),
    "drain": frozenset({"queue", "limit", "time_limit"}),
}


def _read_cron(fields: Mapping[str, Any]) -> Cron:
    for name in ("workflow", "trigger"):
        if not isinstance(fields.get(name), str):
            raise _refuse(f"has no text as {name}")
    signal_id, window = fields.get("signal_id"), fields.get("intended_window")
    if signal_id is not None and not (isinstance(signal_id, str) and 0 < len(signal_id) <= 1000):  # noqa: PLR2004 -- that of every key
        raise _refuse("has a signal_id that is no text of 1 to 1000 characters", "invalid_schedule_signal_id")
    return Cron(
        workflow=fields["workflow"],
        trigger=fields["trigger"],
        signal_id=signal_id,
        window=_read_window(window) if window else None,
    )


def _read_drain(fields: Mapping[str, Any]) -> Drain:
    drain = Drain(**fields)
    if drain.queue is not None:
        options.name("queue", drain.queue)
    options.integer("limit", drain.limit, least=1, most=1_000_000)
    options.milliseconds("time_limit", drain.time_limit)
    return drain


def _window_json(window: Window) -> dict[str, Json]:
    bounds = {"start_at": window.start, "end_at": window.end}
    return {name: at.isoformat() for name, at in bounds.items() if at is not None}


def _read_window(given: object) -> Window:
    bounds: dict[str, datetime] = {}
    if isinstance(given, Mapping):
        fields = cast("Mapping[str, Any]", given)
        for name in ("start_at", "end_at"):
            if fields.get(name) is not None:
                bounds[name] = _read_time(name, fields[name])
    if "start_at" not in bounds:
        raise _refuse("has an intended_window without start_at", "invalid_schedule_intended_window")
    return Window(bounds["start_at"], bounds.get("end_at"))


def _read_time(name: str, given: object) -> datetime:
    try:
        at = datetime.fromisoformat(given) if isinstance(given, str) else None
        if at is not None and at.tzinfo is not None:
            return at.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise _refuse(f"has a {name} that is no ISO 8601 time with an offset", "invalid_schedule_intended_window")


def _refuse(problem: str, code: str = INVALID) -> OptionError:
    return OptionError(
        f"the payload {problem}; make it with Payload.cron(...) or Payload.drain(...)",
        code=code,
        details={"option": "payload"},
    )
