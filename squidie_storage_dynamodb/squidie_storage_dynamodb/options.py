"""The options of the adapter; every error names the option, what it must be, and never what it was."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import cast
from urllib.parse import urlsplit

import attrs

from squidie_core.errors import OptionError
from squidie_storage_dynamodb.schema import Throughput

_NAMESPACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_TABLE = re.compile(r"[A-Za-z0-9_.-]{3,255}")
_REGION = re.compile(r"[a-z0-9-]+")
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
_MOST_CONNECTIONS = 1000
_MOST_UNITS = 1_000_000


def option_error(name: str, message: str) -> OptionError:
    """The error for one option."""
    return OptionError(f"{name}: {message}", details={"option": name})


def check_names(given: Iterable[str], known: Iterable[str]) -> None:
    """Raise OptionError for an option that does not exist."""
    names = sorted(known)
    for name in given:
        if name not in names:
            close = difflib.get_close_matches(name, names, n=1)
            hint = f"did you mean {close[0]}?" if close else f"known options: {', '.join(names)}"
            raise option_error(name, f"not an option of this storage; {hint}")


def merged(in_url: Mapping[str, str], beside: Mapping[str, object]) -> dict[str, object]:
    """The options of the URL and those of the call; neither overrides the other in silence."""
    for name in beside.keys() & in_url.keys():
        raise option_error(name, "given twice, in the URL and beside it; keep one")
    return {**in_url, **beside}


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


def _units(value: int | str | None) -> int | None:
    """The same, or nothing."""
    return None if value is None else _count(value)


def _switch(value: bool | str) -> bool:  # noqa: FBT001 -- attrs calls converters by position
    """A truth value, also from a URL's text; anything else stays as it is, for the validator."""
    if isinstance(value, str) and value.lower() in _TRUE + _FALSE:
        return value.lower() in _TRUE
    return cast("bool", value)


def _valid_span(_options: object, field: attrs.Attribute[int], value: int) -> None:
    if value <= 0:
        raise option_error(field.name, "must be a duration, in seconds (such as 2.5) or as a timedelta, above zero")


def _valid_count(_options: object, field: attrs.Attribute[int], value: int) -> None:
    if not 1 <= value <= _MOST_CONNECTIONS:
        raise option_error(field.name, f"must be a whole number from 1 to {_MOST_CONNECTIONS}")


def _valid_units(_options: object, field: attrs.Attribute[int | None], value: int | None) -> None:
    if value is not None and not 1 <= value <= _MOST_UNITS:
        raise option_error(field.name, f"must be a whole number from 1 to {_MOST_UNITS:,}, or be left out: on demand")


def _valid_switch(_options: object, field: attrs.Attribute[bool], value: object) -> None:
    if not isinstance(value, bool):
        raise option_error(field.name, "must be True or False")


def _valid_namespace(_options: object, field: attrs.Attribute[str], value: object) -> None:
    if not isinstance(value, str) or not _NAMESPACE.fullmatch(value):
        raise option_error(
            field.name,
            "must be at most 100 letters, digits, '_', '.' and '-', beginning with a letter or digit, such as 'orders'",
        )


def _valid_table(_options: object, field: attrs.Attribute[str], value: object) -> None:
    if not isinstance(value, str) or not _TABLE.fullmatch(value):
        raise option_error(field.name, "must be a table's name, 3 to 255 letters, digits, '_', '.' and '-'")


def _valid_region(_options: object, field: attrs.Attribute[str | None], value: object) -> None:
    if value is not None and not (isinstance(value, str) and _REGION.fullmatch(value)):
        raise option_error(field.name, "must be the name of an AWS region, such as eu-central-1")


def _valid_endpoint(_options: object, field: attrs.Attribute[str | None], value: object) -> None:
    if value is None:
        return
    if not isinstance(value, str) or not _is_address(value):
        raise option_error(field.name, "must be a URL of the form http://host:port, without credentials")


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in url and port != 0


def _valid_profile(_options: object, field: attrs.Attribute[str | None], value: object) -> None:
    if value is not None and not (isinstance(value, str) and value):
        raise option_error(field.name, "must be the name of a profile in AWS's configuration")


@attrs.frozen(kw_only=True)
class DynamodbOptions:
    """How to use a DynamoDB table."""

    table: str = attrs.field(validator=_valid_table)
    """The table's name; in a URL it stands where a host would."""
    namespace: str = attrs.field(default="default", validator=_valid_namespace)
    """Whose runs these are; namespaces in one table never see each other."""
    region: str | None = attrs.field(default=None, validator=_valid_region)
    """Without it, whatever AWS's configuration says."""
    endpoint: str | None = attrs.field(default=None, validator=_valid_endpoint)
    """Where DynamoDB is, if not at the region's usual address."""
    profile: str | None = attrs.field(default=None, validator=_valid_profile)
    """Which profile of AWS's configuration has the credentials; without it, they are looked for as usual."""
    create: bool = attrs.field(default=False, converter=_switch, validator=_valid_switch)
    """Create the table when it is missing, which needs the rights to do so."""
    pool_size: int = attrs.field(default=16, converter=_count, validator=_valid_count)
    """The most requests on their way at a time on behalf of one call, and the connections that are kept open."""
    connect_timeout: int = attrs.field(default=2, converter=_milliseconds, validator=_valid_span)
    """How long it may take to connect; given in seconds, kept in milliseconds."""
    read_timeout: int = attrs.field(default=5, converter=_milliseconds, validator=_valid_span)
    """How long a request may go unanswered before it is sent again; given in seconds, kept in milliseconds."""
    retry_for: int = attrs.field(default=10, converter=_milliseconds, validator=_valid_span)
    """How long a request is sent again that is throttled or not answered; given in seconds, kept in milliseconds."""
    read_units: int | None = attrs.field(default=None, converter=_units, validator=_valid_units)
    """Provisioned read capacity of a table that is created, and of each of its indexes; without it, on demand."""
    write_units: int | None = attrs.field(default=None, converter=_units, validator=_valid_units)
    """The same for writes; both or none."""

    def __attrs_post_init__(self) -> None:
        """Both units or none."""
        if (self.read_units is None) != (self.write_units is None):
            raise option_error(
                "read_units" if self.read_units is None else "write_units",
                "provisioned capacity has read_units and write_units; give both, or none for a table on demand",
            )

    @property
    def throughput(self) -> Throughput | None:
        """Of a table that is created; None: on demand."""
        if self.read_units is None or self.write_units is None:
            return None
        return Throughput(self.read_units, self.write_units)


OPTIONS = tuple(field.name for field in attrs.fields(DynamodbOptions))
IN_URL = tuple(name for name in OPTIONS if name != "table")
