"""What these tests share beside their fixtures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from squidie_contract.engine.appends import append
from squidie_core.journal.commit import Commit
from squidie_storage_dynamodb import DynamodbStorage
from squidie_storage_dynamodb.values import item_from_wire


class Open(Protocol):
    """Makes a new client of the test's namespace."""

    def __call__(self, **options: object) -> DynamodbStorage:
        """With these options of the adapter."""
        ...


def group(size: int, *, prefix: str = "r") -> list[Commit]:
    """So many starts."""
    return [Commit((append(f"{prefix}{i}"),)) for i in range(size)]


def followed(commits: list[Commit]) -> list[Commit]:
    """An append to each of them."""
    return [Commit((append(one.appends[0].thread_id, one.appends[0].head),)) for one in commits]


def items_of(storage: DynamodbStorage, thread_id: str) -> list[Mapping[str, Any]]:
    """All that the table has of the thread, read beside the adapter."""
    client: Any = storage.table.calls.client
    pages = client.get_paginator("query").paginate(
        TableName=storage.table.name,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": storage.table.keys.run(thread_id)}},
        ConsistentRead=True,
    )
    return [item_from_wire(item) for page in pages for item in page["Items"]]
