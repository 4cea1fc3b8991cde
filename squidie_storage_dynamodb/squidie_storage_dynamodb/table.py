"""The table: reads and writes of items as plain values."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from squidie_core.errors import Unavailable
from squidie_storage_dynamodb.calls import Calls, backoff
from squidie_storage_dynamodb.expressions import Update, bound, names, put
from squidie_storage_dynamodb.failures import Declined, unstorable
from squidie_storage_dynamodb.keys import Keys
from squidie_storage_dynamodb.values import Item, Value, Wire, item_from_wire, item_to_wire

_BATCH_GET, _BATCH_WRITE = 100, 25
_MOST_ROUNDS = 12

Key = Mapping[str, Value]
Given = TypeVar("Given")
Answer = TypeVar("Answer")


class Table:
    """One table, as one namespace uses it. Safe to use from many threads."""

    def __init__(self, name: str, namespace: str, calls: Calls) -> None:
        self.name = name
        self.keys = Keys(namespace)
        self.calls = calls

    def each(self, act: Callable[[Given], Answer], given: Iterable[Given]) -> list[Answer]:
        """What `act` gives for each, in order, several at once. `act` must not call this."""
        return self.calls.each(act, given)

    def check_open(self) -> None:
        """Raise Unavailable once it is closed."""
        self.calls.check_open()

    # Reading

    def get(self, key: Key) -> Item | None:
        """The item as it is now, if it exists."""
        found = self._read("get_item", {"TableName": self.name, "Key": item_to_wire(key), "ConsistentRead": True})
        return item_from_wire(found["Item"]) if "Item" in found else None

    def get_many(self, keys: Iterable[Key], *, only: Sequence[str] = ()) -> list[Item]:
        """The items that exist, as they are now, in any order; of each `only` some attributes, where that is said."""
        wanted = [item_to_wire(key) for key in keys]
        asked: dict[str, Any] = {"ConsistentRead": True}
        if only:
            expression = ", ".join(f"#{name}" for name in only)
            asked |= {"ProjectionExpression": expression, "ExpressionAttributeNames": names(expression)}
        found = self.each(lambda batch: self._get_batch(batch, asked), _batches(wanted, _BATCH_GET))
        return [item for items in found for item in items]

    def _get_batch(self, batch: Sequence[Wire], asked: Mapping[str, Any]) -> list[Item]:
        items: list[Item] = []
        keys: Sequence[Wire] = batch
        for tries in range(_MOST_ROUNDS):
            answer = self._read("batch_get_item", {"RequestItems": {self.name: {"Keys": keys, **asked}}})
            items += map(item_from_wire, answer["Responses"].get(self.name, ()))
            keys = answer.get("UnprocessedKeys", {}).get(self.name, {}).get("Keys", ())
            if not keys:
                return items
            time.sleep(backoff(tries))
        raise Unavailable("DynamoDB throttles this table or account: it left keys of a batch unread, again and again")

    def page(self, request: Mapping[str, Any], *, start: Wire | None = None) -> tuple[list[Item], Wire | None]:
        """One page of a query, and where the next begins."""
        answer = self._read("query", {**request, "ExclusiveStartKey": start} if start else request)
        return [item_from_wire(item) for item in answer["Items"]], answer.get("LastEvaluatedKey")

    def pages(self, request: Mapping[str, Any]) -> Iterator[list[Item]]:
        """All pages of a query; each is asked for when it is wanted."""
        start: Wire | None = None
        while True:
            items, start = self.page(request, start=start)
            yield items
            if start is None:
                return

    def _read(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return self.calls.read(operation, request)
        except Declined as declined:
            raise unstorable(str(declined)) from declined.__cause__

    # Writing; all raise Declined

    def put(self, item: Mapping[str, Value], condition: str = "", **values: Value) -> None:
        """Write an item, whatever is there or only if the condition holds for it."""
        self.calls.write("put_item", put(self.name, item, condition, **values))

    def update(self, key: Key, update: Update) -> Item:
        """Change an item; what it is then."""
        request = {**update.request(self.name, key), "ReturnValues": "ALL_NEW"}
        return item_from_wire(self.calls.write("update_item", request)["Attributes"])

    def write(self, operation: str, request: Mapping[str, Any]) -> None:
        """Send a `put_item` or `update_item` that was made before."""
        self.calls.write(operation, request)

    def transact(self, actions: Sequence[Mapping[str, Any]]) -> None:
        """All of them or none; the same actions sent again within ten minutes have no second effect."""
        self.calls.write("transact_write_items", {"TransactItems": actions, "ClientRequestToken": _token(actions)})

    def delete(self, key: Key, condition: str, **values: Value) -> None:
        """Delete an item, if it exists and the condition holds for it."""
        request = {
            "TableName": self.name,
            "Key": item_to_wire({name: key[name] for name in ("pk", "sk")}),
            "ConditionExpression": condition,
            "ExpressionAttributeNames": names(condition),
            "ExpressionAttributeValues": bound(values),
        }
        self.calls.write("delete_item", request)

    def delete_all(self, keys: Iterable[Key]) -> None:
        """Delete items, each on its own."""
        requests = [{"DeleteRequest": {"Key": item_to_wire(key)}} for key in keys]
        self.each(self._delete_batch, _batches(requests, _BATCH_WRITE))

    def _delete_batch(self, batch: Sequence[Wire]) -> None:
        left: Sequence[Wire] = batch
        for tries in range(_MOST_ROUNDS):
            answer = self.calls.write("batch_write_item", {"RequestItems": {self.name: left}})
            left = answer.get("UnprocessedItems", {}).get(self.name, ())
            if not left:
                return
            time.sleep(backoff(tries))
        raise Unavailable("DynamoDB throttles this table or account: it left items of a batch undeleted")

    def close(self) -> None:
        """Give back connections."""
        self.calls.close()


def _token(actions: Sequence[Mapping[str, Any]]) -> str:
    """The same for the same actions, which hold the ids of their commits."""
    text = json.dumps(actions, sort_keys=True, default=bytes.hex)
    return hashlib.sha256(text.encode()).hexdigest()[:36]


def _batches(items: Sequence[Given], size: int) -> list[Sequence[Given]]:
    return [items[start : start + size] for start in range(0, len(items), size)]
