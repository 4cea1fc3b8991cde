"""The options of each part; every error names the option, what it must be, and never what it was."""

from __future__ import annotations

import difflib
import re
from datetime import timedelta
from typing import TYPE_CHECKING, cast

import attrs

from squidie_core.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Iterable

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


def option_error(name: str, message: str) -> OptionError:
    """The error for one option."""
    return OptionError(f"{name}: {message}", details={"option": name})


def unknown_option(name: str, known: Iterable[str]) -> OptionError:
    """The error for an option that does not exist."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {close[0]}?" if close else f"known options: {', '.join(names)}"
    return option_error(name, f"not an option of the Redis adapter; {hint}")


def _milliseconds(value: float | str | timedelta) -> int:
    """Milliseconds from seconds; what is no duration becomes one that no option allows."""
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    try:
        return -1 if isinstance(seconds, bool) else round(float(seconds) * 1000)
    except (TypeError, ValueError, OverflowError):
        return -1


def _switch(value: bool | str) -> bool:  # noqa: FBT001 -- attrs calls converters by position
    """A truth value, also from a URL's text; anything else stays as it is, for the validator."""
    if isinstance(value, str) and value.lower() in _TRUE + _FALSE:
        return value.lower() in _TRUE
    return cast("bool", value)


def _valid_span(_options: object, field: attrs.Attribute[int], value: int) -> None:
    if value <= 0:
        raise option_error(field.name, "must be a duration, in seconds (such as 2.5) or as a timedelta, above zero")


def _valid_switch(_options: object, field: attrs.Attribute[bool], value: object) -> None:
    if not isinstance(value, bool):
        raise option_error(field.name, "must be True or False")


def _valid_name(_options: object, field: attrs.Attribute[str], value: object) -> None:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise option_error(
            field.name, "must be letters, digits, '_', '.' and '-', beginning with a letter or digit, such as 'orders'"
        )


@attrs.frozen(kw_only=True)
class RedisOptions:
    """How to use a Redis."""

    prefix: str = attrs.field(default="squidie", validator=_valid_name)
    """What every key and channel begins with."""
    namespace: str = attrs.field(default="default", validator=_valid_name)
    """Whose deliveries and hints these are; namespaces never see each other."""
    cluster: bool = attrs.field(default=False, converter=_switch, validator=_valid_switch)
    """Whether the URL leads to a node of a cluster."""
    timeout: int = attrs.field(default=5, converter=_milliseconds, validator=_valid_span)
    """How long connecting, and an answer, may take; given in seconds, kept in milliseconds."""


@attrs.frozen(kw_only=True)
class RedisNotifierOptions(RedisOptions):
    """How to send hints through a Redis."""

    probe_every: int = attrs.field(default=30, converter=_milliseconds, validator=_valid_span)
    """How often it sends itself a message; given in seconds, kept in milliseconds."""
    probe_timeout: int = attrs.field(default=5, converter=_milliseconds, validator=_valid_span)
    """How long that may take to come back; given in seconds, kept in milliseconds."""


@attrs.frozen(kw_only=True)
class DueHintsOptions(RedisOptions):
    """How to keep the ready set."""

    timeout: int = attrs.field(default=1, converter=_milliseconds, validator=_valid_span)
    """How long a commit may wait for Redis, after it has taken effect; given in seconds, kept in milliseconds."""
    retry_every: int = attrs.field(default=1, converter=_milliseconds, validator=_valid_span)
    """How long a Redis that failed is left alone; given in seconds, kept in milliseconds."""
    sweep_every: int = attrs.field(default=10, converter=_milliseconds, validator=_valid_span)
    """How often the store itself is asked, for what Redis lost; given in seconds, kept in milliseconds."""
