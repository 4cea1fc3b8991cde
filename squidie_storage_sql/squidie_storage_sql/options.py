"""The options of each dialect; every error names the option, what it must be, and never what it was."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, cast

import attrs

from squidie_core.errors import OptionError, near

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_NAMESPACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_SCHEMA = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
_MOST_CONNECTIONS = 1000


def option_error(name: str, message: str) -> OptionError:
    """The error for one option."""
    return OptionError(f"{name}: {message}", details={"option": name})


def unknown_option(name: str, known: Iterable[str]) -> OptionError:
    """The error for an option that does not exist."""
    names = sorted(known)
    meant = near(name, names)
    hint = f"did you mean {meant}?" if meant else f"known options: {', '.join(names)}"
    return option_error(name, f"not an option of this storage; {hint}")


def check_names(given: Mapping[str, object], known: Iterable[str]) -> None:
    """Raise OptionError for an option that does not exist."""
    names = set(known)
    for name in given:
        if name not in names:
            raise unknown_option(name, names)


def _milliseconds(value: float | str | timedelta) -> int:
    """Milliseconds from seconds; what is no duration becomes one that no option allows."""
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    try:
        return -1 if isinstance(seconds, bool) else round(float(seconds) * 1000)
    except (TypeError, ValueError, OverflowError):
        return -1


def _count(value: int | str) -> int:
    """A number, also from a URL's text; what is none becomes one that no option allows."""
    if isinstance(value, str):
        return int(value) if value.isascii() and value.isdigit() else -1
    return value if type(value) is int else -1


def _switch(value: bool | str) -> bool:  # noqa: FBT001 -- attrs calls converters by position
    """A truth value, also from a URL's text; anything else stays as it is, for the validator."""
    if isinstance(value, str) and value.lower() in _TRUE + _FALSE:
        return value.lower() in _TRUE
    return cast("bool", value)


def _valid_duration(_options: object, field: attrs.Attribute[int], value: int) -> None:
    if value < 0:
        raise option_error(field.name, "must be a duration, in seconds (such as 2.5) or as a timedelta, not below zero")


def _valid_span(_options: object, field: attrs.Attribute[int], value: int) -> None:
    if value <= 0:
        raise option_error(field.name, "must be a duration, in seconds (such as 2.5) or as a timedelta, above zero")


def _valid_count(_options: object, field: attrs.Attribute[int], value: int) -> None:
    if not 1 <= value <= _MOST_CONNECTIONS:
        raise option_error(field.name, f"must be a whole number from 1 to {_MOST_CONNECTIONS}")


def _valid_switch(_options: object, field: attrs.Attribute[bool], value: object) -> None:
    if not isinstance(value, bool):
        raise option_error(field.name, "must be True or False")


def _valid_namespace(_options: object, field: attrs.Attribute[str], value: object) -> None:
    if not isinstance(value, str) or not _NAMESPACE.fullmatch(value):
        raise option_error(
            field.name, "must be letters, digits, '_', '.' and '-', beginning with a letter or digit, such as 'orders'"
        )


def _valid_schema(_options: object, field: attrs.Attribute[str | None], value: object) -> None:
    if value is not None and not (isinstance(value, str) and _SCHEMA.fullmatch(value)):
        raise option_error(
            field.name, "must be the name of a schema, at most 63 letters, digits and '_', not beginning with a digit"
        )


def _valid_synchronous(_options: object, field: attrs.Attribute[str], value: object) -> None:
    if value not in ("full", "normal"):
        raise option_error(field.name, "must be 'full' or 'normal'")


@attrs.frozen(kw_only=True)
class PostgresqlOptions:
    """How to use a PostgreSQL database."""

    namespace: str = attrs.field(default="default", validator=_valid_namespace)
    """Whose runs these are; namespaces in one database never see each other."""
    schema: str | None = attrs.field(default=None, validator=_valid_schema)
    """Where the tables are; without it, where the connection's search path leads."""
    create: bool = attrs.field(default=False, converter=_switch, validator=_valid_switch)
    """Create missing tables when opening, which needs the rights to do so."""
    pool_size: int = attrs.field(default=10, converter=_count, validator=_valid_count)
    """The most connections that are open at a time."""
    pool_timeout: int = attrs.field(default=10, converter=_milliseconds, validator=_valid_duration)
    """How long a call waits for a free connection; given in seconds, kept in milliseconds."""
    lock_timeout: int = attrs.field(default=5, converter=_milliseconds, validator=_valid_duration)
    """How long the rare statement that must wait for a row does so; given in seconds, kept in milliseconds."""
    transactions: int = attrs.field(default=4, converter=_count, validator=_valid_count)
    """The most bodies with `transaction=True` that run at a time; each takes a connection beside the pool's."""
    prepared_statements: bool = attrs.field(default=True, converter=_switch, validator=_valid_switch)
    """Off for poolers that give each transaction another session and do not know prepared statements."""


@attrs.frozen(kw_only=True)
class SqliteOptions:
    """How to use a SQLite file."""

    namespace: str = attrs.field(default="default", validator=_valid_namespace)
    """Whose runs these are; namespaces in one file never see each other."""
    create: bool = attrs.field(default=True, converter=_switch, validator=_valid_switch)
    """Create the file and its tables when they are missing."""
    pool_size: int = attrs.field(default=4, converter=_count, validator=_valid_count)
    """The most connections that read at a time; one more writes."""
    busy_timeout: int = attrs.field(default=10, converter=_milliseconds, validator=_valid_duration)
    """How long to wait while others write to the file; given in seconds, kept in milliseconds."""
    synchronous: str = attrs.field(default="full", validator=_valid_synchronous)
    """`full` or `normal`, which is faster and may lose the last commits when the machine (not the process) crashes."""
    foreign_keys: bool = attrs.field(default=False, converter=_switch, validator=_valid_switch)
    """Hold bodies with `transaction=True` to foreign keys, as SQLite does only where it is told to."""


@attrs.frozen(kw_only=True)
class PostgresqlNotifierOptions:
    """How to send hints through a PostgreSQL database."""

    namespace: str = attrs.field(default="default", validator=_valid_namespace)
    """Whose runs the hints are about."""
    schema: str | None = attrs.field(default=None, validator=_valid_schema)
    """Where the runs are; whoever names another schema, or none, hears nothing."""
    probe_every: int = attrs.field(default=30, converter=_milliseconds, validator=_valid_span)
    """How often it sends itself a notification; given in seconds, kept in milliseconds."""
    probe_timeout: int = attrs.field(default=5, converter=_milliseconds, validator=_valid_span)
    """How long that may take to come back; given in seconds, kept in milliseconds."""


POSTGRESQL_OPTIONS = tuple(field.name for field in attrs.fields(PostgresqlOptions))
NOTIFIER_OPTIONS = tuple(field.name for field in attrs.fields(PostgresqlNotifierOptions))
SQLITE_OPTIONS = tuple(field.name for field in attrs.fields(SqliteOptions))
