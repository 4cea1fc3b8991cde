"""Checking what callers pass in: names, ids, durations. A refused value is never echoed: it may be a secret."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, cast, get_args
from uuid import UUID

from squidie_core.authoring import durations
from squidie_core.definition.model import DefinitionChoice
from squidie_core.errors import OptionError
from squidie_core.inspection.times import milliseconds_at
from squidie_core.journal.entries import Json
from squidie_core.journal.redaction import redact
from squidie_core.journal.values import encode, encode_mapping

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_MAX_NAME = 200


def refuse(option: str, problem: str, hint: str, code: str = "invalid_option") -> OptionError:
    """The error for an option: which, what is wrong, what to do."""
    return OptionError(f"{option} {problem}; {hint}", code=code, details={"option": option})


def name(option: str, value: object) -> str:
    """A queue, owner or tag: letters, digits, `_`, `.` and `-`, the first a letter or digit, at most 200 of them."""
    if isinstance(value, str) and len(value) <= _MAX_NAME and _NAME.fullmatch(value):
        return value
    raise refuse(option, "is not a name", "use letters, digits, '_', '.' and '-', starting with a letter or digit")


def text(option: str, value: object, limit: int = 1000, code: str = "invalid_option") -> str:
    """A text that is not empty."""
    if isinstance(value, str) and 0 < len(value) <= limit:
        return value
    raise refuse(option, f"is not a text of 1 to {limit} characters", "pass a str", code)


def optional_text(option: str, value: object, limit: int = 1000, code: str = "invalid_option") -> str | None:
    """A text that is not empty, or nothing."""
    return None if value is None else text(option, value, limit, code)


def run_id(value: object) -> str:
    """A run's id in its canonical form."""
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, str):
        try:
            return str(UUID(value))
        except ValueError:
            pass
    raise refuse("run_id", "is not a UUID", "pass the id of a Snapshot, or a UUID", code="invalid_run_id")


def milliseconds(option: str, value: object, *, least: int = 0) -> int:
    """A duration (`timedelta` or seconds) as integer milliseconds."""
    try:
        given = durations.milliseconds(value)
    except ValueError as problem:
        raise refuse(option, str(problem), "pass a timedelta or seconds") from None
    if given < least:
        raise refuse(option, f"is below {least / 1000:g} s", "pass a timedelta or seconds")
    return given


def integer(option: str, value: object, *, least: int, most: int) -> int:
    """An integer within the bounds."""
    if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
        return value
    raise refuse(option, f"is not an integer from {least} to {most}", f"pass {least} to {most}")


def optional_flag(option: str, value: object) -> bool | None:
    """True, False or None."""
    if value is None or isinstance(value, bool):
        return value
    raise refuse(option, f"is a {type(value).__name__}", "True, False or None")


def tags(value: Iterable[object] | object) -> tuple[str, ...]:
    """Names, each once, in their order."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise refuse("tags", f"is one {type(value).__name__}", 'pass a sequence: tags=("...",)')
    return tuple(dict.fromkeys(name("tags", tag) for tag in cast("Iterable[object]", value)))


def metadata(value: object, code: str = "invalid_option") -> Mapping[str, Json]:
    """A mapping that is kept with a command, secret-looking values redacted."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise refuse("metadata", "is not a mapping", "pass a dict", code)
    given = cast("Mapping[str, Any]", value)
    redacted: Mapping[str, Json] = redact(encode_mapping(given, "metadata"))
    return redacted


def actor(value: object, *, required: bool, code: str = "invalid_option") -> Json:
    """Who acts: a text or a mapping that is not empty."""
    if value is None and not required:
        return None
    if isinstance(value, str | Mapping) and value:
        return redact(encode(value, "actor"))
    raise refuse("actor", "is missing or empty", 'say who decides: actor="name" or actor={"id": ...}', code)


def definition(value: object) -> DefinitionChoice:
    """Which definition a replay goes by."""
    for choice in get_args(DefinitionChoice):
        if value == choice:
            return cast("DefinitionChoice", choice)
    raise refuse("definition", "is no choice", 'use "original", that of the run, or "current", that of today')


def flag(option: str, value: object) -> bool:
    """True or False, and nothing that only counts as one."""
    if isinstance(value, bool):
        return value
    raise refuse(option, "is neither True nor False", f"pass {option}=True or {option}=False")


_STATUSES = ("running", "paused", "completed", "failed", "cancelled")


def status(value: str | None) -> str | None:
    """A status to filter by."""
    if value is None or value in _STATUSES:
        return value
    raise refuse("status", "is no status of a run", f"use one of {', '.join(_STATUSES)}")


ENDED = ("completed", "failed", "cancelled")


def ended_statuses(value: Iterable[object] | str) -> tuple[str, ...]:
    """Statuses of runs that are over, each once; at least one."""
    given = (value,) if isinstance(value, str) else tuple(value)
    if given and all(one in ENDED for one in given):
        return tuple(one for one in ENDED if one in given)
    raise refuse("statuses", "is not made of statuses of runs that are over", f"use some of {', '.join(ENDED)}")


def earlier(option: str, value: object, now: int) -> int:
    """A moment that is over, in milliseconds since the epoch: an aware datetime, or a duration before `now`."""
    if not isinstance(value, datetime):
        return max(now - milliseconds(option, value), 0)
    if value.tzinfo is None:
        raise refuse(option, "has no time zone", "pass an aware datetime, or how long ago")
    at = milliseconds_at(value)
    if at > now:
        raise refuse(option, "lies in the future", "pass a moment that is over, or how long ago")
    return at


def owner(value: str | None) -> str:
    """Who claims; by default this host and process, and something random."""
    if value is not None:
        return text("owner_id", value, 200)
    import platform  # noqa: PLC0415  # only who claims needs it

    return f"{platform.node()}:{os.getpid()}:{os.urandom(3).hex()}"
