"""What a signal may say: each type's fields, and the rule of each field."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from math import inf
from typing import Any, TypeAlias, cast
from uuid import UUID

from squidie_core.errors import EncodingError, OptionError
from squidie_core.journal.entries import Json
from squidie_core.journal.values import decode, encode

Rule: TypeAlias = Callable[[Any], str | None]
"""The reason why a value cannot be used, or `None`."""


def refuse(field: str, reason: str) -> OptionError:
    """The error for a field of a signal."""
    return OptionError(
        f"the signal's {field} cannot be used: {reason.replace('_', ' ')}; "
        "make signals with Signal.start_run(...) and its siblings",
        code="invalid_signal",
        details={"field": field, "reason": reason},
    )


def check(kind: object, payload: object, metadata: object, occurred_at: object, idempotency_key: object) -> None:
    """Raise OptionError for what is no signal."""
    fields = FIELDS.get(kind) if isinstance(kind, str) else None
    if fields is None:
        raise OptionError(
            f"there is no signal of this type; there are {', '.join(FIELDS)}",
            code="unsupported_signal",
            details={"type": kind if isinstance(kind, str) else type(kind).__name__},
        )
    if not isinstance(payload, Mapping):
        raise refuse("payload", "expected_map")
    _check_payload(kind, fields, cast("Mapping[str, Any]", payload))
    if kind == "start_cron" and idempotency_key is not None:
        raise refuse("idempotency_key", "unsupported")  # what is done once is said by signal_id or intended_window
    for name, value, rule in (
        ("metadata", metadata, _map),
        ("occurred_at", occurred_at, _aware),
        ("idempotency_key", idempotency_key, _key),
    ):
        reason = rule(value)
        if reason is not None:
            raise refuse(name, reason)


def _check_payload(kind: object, fields: Mapping[str, Rule], payload: Mapping[str, Any]) -> None:
    for name in payload:
        if name not in fields:
            raise refuse(name, "unsupported")
    for name in _REQUIRED:
        if name in fields and name not in payload and (kind, name) not in _MAY_LACK:
            raise refuse(name, "required" if name in ("actor", "trigger") else "invalid")
    for name, value in payload.items():
        reason = fields[name](value)
        if reason is not None:
            raise refuse(name, reason)


def _text(value: object) -> str | None:
    return None if isinstance(value, str) and 0 < len(value) <= 1000 else "invalid"  # noqa: PLR2004  # that of every key


def _key(value: object) -> str | None:
    return None if value is None or _text(value) is None else "expected_non_empty_string"


def _comment(value: object) -> str | None:
    return None if isinstance(value, str) and 0 < len(value) <= 10_000 else "string"  # noqa: PLR2004  # that of commands


def _uuid(value: object) -> str | None:
    if not isinstance(value, str):
        return "invalid"
    try:
        UUID(value)
    except ValueError:
        return "invalid"
    return None


def _plain(value: object) -> bool:
    """Whether the value is plain JSON as it is stored."""
    try:
        return bool(encode(decode(value), "value") == value)
    except (EncodingError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return False


def _map(value: object) -> str | None:
    return None if isinstance(value, dict) and _plain(cast("Json", value)) else "expected_map"


def _actor(value: object) -> str | None:
    return None if isinstance(value, str | dict) and value and _plain(cast("Json", value)) else "invalid"


def _flag(value: object) -> str | None:
    return None if isinstance(value, bool) else "expected_boolean"


def _definition(value: object) -> str | None:
    return None if value in ("original", "current") else "invalid"


def _priority(value: object) -> str | None:
    return None if type(value) is int and 0 <= value <= 9 else "invalid"  # noqa: PLR2004  # ten of them


def _seconds(value: object) -> str | None:
    return None if type(value) in (int, float) and 0 <= cast("float", value) < inf else "invalid"


def _tags(value: object) -> str | None:
    given = cast("list[object]", value) if isinstance(value, list) else [None]
    return None if all(_text(tag) is None for tag in given) else "invalid"


def _window(value: object) -> str | None:
    given = cast("dict[str, object]", value) if isinstance(value, dict) else {"": None}
    known = {"start_at"} <= given.keys() <= {"start_at", "end_at"}
    return None if known and all(map(is_moment, given.values())) else "schedule_identity"


def _aware(value: object) -> str | None:
    return None if isinstance(value, datetime) and _has_utc(value) else "expected_datetime"


def is_moment(value: object) -> bool:
    """Whether it is the ISO 8601 text of a time with an offset."""
    try:
        return isinstance(value, str) and _has_utc(datetime.fromisoformat(value))
    except ValueError:
        return False


def _has_utc(at: datetime) -> bool:
    """Whether it is a moment, and in UTC one of the years that there are."""
    if at.tzinfo is None:
        return False
    try:
        at.astimezone(UTC)
    except OverflowError:
        return False
    return True


_MANUAL: Mapping[str, Rule] = {"run_id": _uuid, "actor": _actor, "comment": _comment}
FIELDS: Mapping[str, Mapping[str, Rule]] = {
    "start_run": {
        "workflow": _text,
        "trigger": _text,
        "input": _map,
        "queue": _text,
        "priority": _priority,
        "tags": _tags,
        "delay": _seconds,
    },
    "start_cron": {"workflow": _text, "trigger": _text, "signal_id": _text, "intended_window": _window},
    "resume_run": _MANUAL,
    "approve_run": _MANUAL,
    "reject_run": _MANUAL,
    "cancel_run": {**_MANUAL, "compensate": _flag, "children": _flag},
    "replay_run": {**_MANUAL, "allow_irreversible": _flag, "definition": _definition, "queue": _text},
}
_REQUIRED = ("workflow", "run_id", "trigger", "actor")
_MAY_LACK = {
    ("start_run", "trigger"),
    ("resume_run", "actor"),
    ("cancel_run", "actor"),
    ("replay_run", "actor"),
}
