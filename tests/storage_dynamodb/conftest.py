"""Clients of one table, each test in a namespace of its own, because the server outlives it."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from squidie_storage_dynamodb import DynamodbStorage, open_dynamodb
from tests.storage_dynamodb.stores import Open
from tests.storage_dynamodb.wire import Wire, wire


@pytest.fixture
def open_(dynamodb_url: str) -> Iterator[Open]:
    """Give a function that makes a new client of the test's namespace."""
    opened: list[DynamodbStorage] = []
    namespace = uuid4().hex

    def connect(**options: object) -> DynamodbStorage:
        storage = open_dynamodb(dynamodb_url, **{"namespace": namespace, **options})
        opened.append(storage)
        return storage

    yield connect
    for storage in opened:
        storage.close()


@pytest.fixture
def storage(open_: Open) -> DynamodbStorage:
    """Give a client."""
    return open_()


@pytest.fixture
def watched(storage: DynamodbStorage) -> Iterator[Wire]:
    """Give the wire of the client `storage`, watched from now on."""
    with wire(storage) as found:
        yield found
