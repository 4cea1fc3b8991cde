"""Conversion of lists, tuples, sets and mappings."""

from __future__ import annotations

import collections.abc
from collections.abc import Callable
from typing import Any, cast

from squidie_core.authoring.scalars import SCALARS
from squidie_core.authoring.violations import ContractError, Converter, Violation, as_is, below, mismatch

LISTS: tuple[Any, ...] = (
    list,
    collections.abc.Sequence,
    collections.abc.MutableSequence,
    collections.abc.Iterable,
    collections.abc.Collection,
)
MAPPINGS: tuple[Any, ...] = (dict, collections.abc.Mapping, collections.abc.MutableMapping)
SETS: dict[Any, Callable[[list[Any]], Any]] = {
    set: set,
    frozenset: frozenset,
    collections.abc.Set: frozenset,
    collections.abc.MutableSet: set,
}


def list_of(item: Converter, text: str) -> Converter:
    """Convert a list of such items, or a tuple."""

    def convert(value: Any) -> Any:
        if not isinstance(value, list | tuple):
            raise mismatch(text, value)
        values = cast("list[Any]", value)
        return list(values) if item is as_is else _items(values, [item] * len(values))

    return convert


def _items(values: list[Any], converters: list[Converter]) -> list[Any]:
    converted: list[Any] = []
    violations: list[Violation] = []
    for position, (item, convert) in enumerate(zip(values, converters, strict=True)):
        try:
            converted.append(convert(item))
        except ContractError as error:
            violations += below(position, error)
    if violations:
        raise ContractError(violations)
    return converted


def items_of(converters: list[Converter], text: str, build: Callable[[list[Any]], Any]) -> Converter:
    """Convert as many items as there are converters; `build` makes the value of them."""

    def convert(value: Any) -> Any:
        if not isinstance(value, list | tuple):
            raise mismatch(text, value)
        values = cast("list[Any]", value)
        if len(values) != len(converters):
            raise ContractError([Violation((), text, f"{len(values)} items")])
        return build(_items(values, converters))

    return convert


def set_of(item: Converter, text: str, build: Callable[[list[Any]], Any]) -> Converter:
    """Convert a list of such items; `build` makes the value of them."""
    items = list_of(item, text)

    def convert(value: Any) -> Any:
        if isinstance(value, set | frozenset):
            value = list(cast("set[Any]", value))
        try:
            return build(items(value))
        except TypeError:
            raise ContractError([Violation((), text, "a list with items that no set can hold")]) from None

    return convert


def mapping_of(key: Converter, item: Converter, text: str) -> Converter:
    """Convert a mapping of such keys and values."""
    plain = key in (as_is, SCALARS[str]) and item is as_is

    def convert(value: Any) -> Any:
        if type(value) is not dict:
            raise mismatch(text, value)
        given = cast("dict[str, Any]", value)
        if plain:
            return given
        converted: dict[Any, Any] = {}
        violations: list[Violation] = []
        for name, inner in given.items():
            try:
                converted[key(name)] = item(inner)
            except ContractError as error:
                violations += below(name, error)
        if violations:
            raise ContractError(violations)
        return converted

    return convert


def _bare_tuple(text: str) -> Converter:
    items = list_of(as_is, text)
    return lambda value: tuple(items(value))


def _bare(build: Callable[[list[Any]], Any]) -> Callable[[str], Converter]:
    return lambda text: set_of(as_is, text, build)


BARE: dict[Any, Callable[[str], Converter]] = {
    tuple: _bare_tuple,
    **{kind: lambda text: list_of(as_is, text) for kind in LISTS},
    **{kind: lambda text: mapping_of(as_is, as_is, text) for kind in MAPPINGS},
    **{kind: _bare(build) for kind, build in SETS.items()},
}
"""Containers whose contents are not annotated."""
