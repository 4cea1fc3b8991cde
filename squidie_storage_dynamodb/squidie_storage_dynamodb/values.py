"""Plain values as DynamoDB's attribute values, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

Value: TypeAlias = int | str | bytes | Sequence["Value"]
Item: TypeAlias = Mapping[str, Any]
"""An item as plain values: whole numbers, texts, bytes and tuples of these."""

Wire: TypeAlias = dict[str, Any]
"""An item, or a part of a request, as DynamoDB has it."""


def to_wire(value: Value) -> Wire:
    """One attribute value."""
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, int):
        return {"N": str(value)}
    if isinstance(value, bytes):
        return {"B": value}
    return {"L": [to_wire(one) for one in value]}


def from_wire(value: Wire) -> Any:
    """What `to_wire` gave this for."""
    ((kind, content),) = value.items()
    if kind == "N":
        return int(content)
    if kind == "L":
        return tuple(from_wire(one) for one in content)
    return content


def item_to_wire(item: Mapping[str, Value]) -> Wire:
    """All attributes of an item."""
    return {name: to_wire(value) for name, value in item.items()}


def item_from_wire(item: Wire) -> Item:
    """All attributes of an item."""
    return {name: from_wire(value) for name, value in item.items()}
