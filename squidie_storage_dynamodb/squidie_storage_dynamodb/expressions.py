"""Parts of requests: keys, expressions and their values, with every attribute's name as a placeholder.

DynamoDB reserves hundreds of words that a name in an expression must not be. So `#status` stands for `status` always.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from squidie_core.dataclass import dataclass
from squidie_storage_dynamodb.values import Value, Wire, item_to_wire, to_wire

_NAME = re.compile(r"#(\w+)")


def names(*expressions: str) -> dict[str, str]:
    """What the placeholders in these expressions stand for."""
    return {f"#{name}": name for expression in expressions for name in _NAME.findall(expression)}


def bound(values: Mapping[str, Value]) -> Wire:
    """`ExpressionAttributeValues`: the value `now` is `:now` in an expression."""
    return {f":{name}": to_wire(value) for name, value in values.items()}


@dataclass(slots=True)
class Update:
    """A change of one item, put together part by part."""

    sets: list[str] = field(default_factory=list[str])
    removes: list[str] = field(default_factory=list[str])
    conditions: list[str] = field(default_factory=list[str])
    values: dict[str, Value] = field(default_factory=dict[str, Value])

    def set(self, name: str, value: Value | None) -> None:
        """Give the attribute this value; None takes it away."""
        if value is None:
            self.removes.append(f"#{name}")
        else:
            self.sets.append(f"#{name} = :{name}")
            self.values[name] = value

    def to(self, expression: str, **values: Value) -> None:
        """Set by an expression such as `#nudges = #nudges + :one`."""
        self.sets.append(expression)
        self.values.update(values)

    def when(self, condition: str, **values: Value) -> None:
        """Only if this holds, with all other conditions."""
        self.conditions.append(condition)
        self.values.update(values)

    def request(self, table: str, key: Mapping[str, Value]) -> dict[str, Any]:
        """For UpdateItem, or as the `Update` of a transaction. A failed condition tells what the item is."""
        clauses: list[str] = []
        if self.sets:
            clauses.append("SET " + ", ".join(self.sets))
        if self.removes:
            clauses.append("REMOVE " + ", ".join(self.removes))
        update, condition = " ".join(clauses), " AND ".join(self.conditions)
        request: dict[str, Any] = {
            "TableName": table,
            "Key": item_to_wire(key),
            "UpdateExpression": update,
            "ExpressionAttributeNames": names(update, condition),
        }
        if self.values:
            request["ExpressionAttributeValues"] = bound(self.values)
        if condition:
            request |= {"ConditionExpression": condition, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        return request


def put(table: str, item: Mapping[str, Value], condition: str = "", **values: Value) -> dict[str, Any]:
    """For PutItem, or as the `Put` of a transaction."""
    request: dict[str, Any] = {"TableName": table, "Item": item_to_wire(item)}
    if condition:
        request |= {
            "ConditionExpression": condition,
            "ExpressionAttributeNames": names(condition),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
    if values:
        request["ExpressionAttributeValues"] = bound(values)
    return request


def query(
    table: str, condition: str, *, index: str | None = None, filters: str = "", **values: Value
) -> dict[str, Any]:
    """For Query. Of the table itself it reads strongly; no index can."""
    request: dict[str, Any] = {
        "TableName": table,
        "KeyConditionExpression": condition,
        "ExpressionAttributeNames": names(condition, filters),
        "ExpressionAttributeValues": bound(values),
    }
    if filters:
        request["FilterExpression"] = filters
    return request | ({"ConsistentRead": True} if index is None else {"IndexName": index})
