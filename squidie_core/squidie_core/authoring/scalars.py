"""Conversion of single values."""

from __future__ import annotations

import typing
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from squidie_core.authoring.violations import ContractError, Converter, Violation, as_is, kind_of, mismatch


def _exactly(kind: type, text: str) -> Converter:
    def convert(value: Any) -> Any:
        if type(value) is kind:
            return value
        raise mismatch(text, value)

    return convert


def _float(value: Any) -> float:
    if type(value) is float:
        return value
    if type(value) is int:
        try:
            return float(value)
        except OverflowError:
            raise ContractError([Violation((), "float", "too large for one")]) from None
    raise mismatch("float", value)


def _parsed(kind: type, text: str, parse: Callable[[str], Any]) -> Converter:
    """The type itself, or its ISO text: what a payload that comes as plain JSON holds."""

    def convert(value: Any) -> Any:
        if type(value) is kind:
            return value
        if type(value) is str:
            try:
                return parse(value)
            except ValueError:
                raise ContractError([Violation((), text, "a str that is none")]) from None
        raise mismatch(text, value)

    return convert


def _decimal(value: Any) -> Decimal:
    if type(value) is Decimal:
        return value
    if type(value) is int or type(value) is str:
        try:
            return Decimal(value)
        except InvalidOperation:
            raise ContractError([Violation((), "Decimal", "a str that is none")]) from None
    raise mismatch("Decimal", value)


def _timedelta(value: Any) -> timedelta:
    if type(value) is timedelta:
        return value
    if type(value) is int or type(value) is float:
        try:
            return timedelta(seconds=value)
        except (OverflowError, ValueError):
            raise ContractError([Violation((), "timedelta", "out of its range")]) from None
    raise mismatch("timedelta", value)


def to_none(value: Any) -> None:
    """Refuse anything but None."""
    if value is not None:
        raise ContractError([Violation((), "None", kind_of(value))])


SCALARS: dict[Any, Converter] = {
    Any: as_is,
    None: to_none,
    type(None): to_none,
    str: _exactly(str, "str"),
    int: _exactly(int, "int"),
    bool: _exactly(bool, "bool"),
    bytes: _exactly(bytes, "bytes"),
    float: _float,
    Decimal: _decimal,
    timedelta: _timedelta,
    datetime: _parsed(datetime, "datetime", datetime.fromisoformat),
    date: _parsed(date, "date", date.fromisoformat),
    time: _parsed(time, "time", time.fromisoformat),
    UUID: _parsed(UUID, "UUID", UUID),
    typing.LiteralString: _exactly(str, "str"),
}
