"""The options of each dialect; every error names the option, what is wrong with it, and what to write instead."""

from __future__ import annotations

import difflib
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import attrs

from squidie_core.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_NAMESPACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_SCHEMA = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LONGEST_SCHEMA = 63
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
_MOST_CONNECTIONS = 1000

T = TypeVar("T")


def option_error(name: str, message: str) -> OptionError:
    """The error for one option."""
    return OptionError(f"{name} {message}", details={"option": name})


def unknown_option(name: str, known: Iterable[str]) -> OptionError:
    """The error for an option that does not exist."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {close[0]}?" if close else f"known options: {', '.join(names)}"
    return option_error(name, f"is not an option of this storage; {hint}")


def build(kind: type[T], given: Mapping[str, Any]) -> T:
    """The options object, or OptionError."""
    known = [field.name for field in attrs.fields(kind)]  # type: ignore[misc, arg-type]
    for name in given:
        if name not in known:
            raise unknown_option(name, known)
    return kind(**given)


Converter = attrs.Converter


def _milliseconds(value: Any, _self: Any, field: attrs.Attribute[Any]) -> int:
    if isinstance(value, timedelta):
        value = value.total_seconds()
    try:
        milliseconds = round(float(value) * 1000)
    except (TypeError, ValueError, OverflowError):
        milliseconds = -1
    if isinstance(value, bool) or milliseconds < 0:
        raise option_error(field.name, "is a duration: give seconds (such as 2.5) or a timedelta, not below zero")
    return milliseconds


def _count(value: Any, _self: Any, field: attrs.Attribute[Any]) -> int:
    number = int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value
    if not isinstance(number, int) or isinstance(number, bool) or not 1 <= number <= _MOST_CONNECTIONS:
        raise option_error(field.name, f"is a whole number from 1 to {_MOST_CONNECTIONS}")
    return number


def _switch(value: Any, _self: Any, field: attrs.Attribute[Any]) -> bool:
    if isinstance(value, str) and value.lower() in _TRUE + _FALSE:
        return value.lower() in _TRUE
    if not isinstance(value, bool):
        raise option_error(field.name, "is True or False")
    return value


def _valid_namespace(_self: Any, field: attrs.Attribute[Any], value: Any) -> None:
    if not isinstance(value, str) or not _NAMESPACE.fullmatch(value):
        raise option_error(
            field.name, "is letters, digits, '_', '.' and '-', beginning with a letter or digit, such as 'orders'"
        )


def _valid_schema(_self: Any, field: attrs.Attribute[Any], value: Any) -> None:
    if value is None:
        return
    if not isinstance(value, str) or not _SCHEMA.fullmatch(value) or len(value) > _LONGEST_SCHEMA:
        raise option_error(
            field.name,
            f"is a PostgreSQL schema: at most {_LONGEST_SCHEMA} letters, digits and '_', not beginning with a digit",
        )


def _one_of(*choices: str) -> Callable[[Any, Any, Any], None]:
    def check(_self: Any, field: attrs.Attribute[Any], value: Any) -> None:
        if value not in choices:
            raise option_error(field.name, f"is one of {', '.join(map(repr, choices))}")

    return check


def _converter(convert: Callable[[Any, Any, Any], T]) -> Any:
    return attrs.Converter(convert, takes_self=True, takes_field=True)


@attrs.frozen(kw_only=True)
class PostgresqlOptions:
    """How to use a PostgreSQL database."""

    namespace: str = attrs.field(default="default", validator=_valid_namespace)
    """Whose runs these are; namespaces in one database never see each other."""
    schema: str | None = attrs.field(default=None, validator=_valid_schema)
    """Where the tables are; without it, where the connection's search path leads."""
    create: bool = attrs.field(default=False, converter=_converter(_switch))
    """Create missing tables when opening, which needs the rights to do so."""
    pool_size: int = attrs.field(default=10, converter=_converter(_count))
    """The most connections that are open at a time."""
    pool_timeout: int = attrs.field(default=10, converter=_converter(_milliseconds))
    """How long a call waits for a free connection; seconds, kept in milliseconds."""
    lock_timeout: int = attrs.field(default=5, converter=_converter(_milliseconds))
    """How long the rare statement that must wait for a row does so; seconds, kept in milliseconds."""
    prepared_statements: bool = attrs.field(default=True, converter=_converter(_switch))
    """Off for poolers that give each transaction another session and do not know prepared statements."""


@attrs.frozen(kw_only=True)
class SqliteOptions:
    """How to use a SQLite file."""

    namespace: str = attrs.field(default="default", validator=_valid_namespace)
    """Whose runs these are; namespaces in one file never see each other."""
    create: bool = attrs.field(default=True, converter=_converter(_switch))
    """Create the file and its tables when they are missing."""
    pool_size: int = attrs.field(default=4, converter=_converter(_count))
    """The most connections that read at a time; one more writes."""
    busy_timeout: int = attrs.field(default=10, converter=_converter(_milliseconds))
    """How long to wait while another process writes; seconds, kept in milliseconds."""
    synchronous: Literal["full", "normal"] = attrs.field(default="full", validator=_one_of("full", "normal"))
    """`normal` is faster and may lose the last commits when the machine (not the process) crashes."""
