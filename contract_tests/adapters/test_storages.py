"""Our storages keep the contract."""

from __future__ import annotations

from adapters.harnesses.dynamodb import DynamodbHarness
from adapters.harnesses.memory import MemoryHarness
from adapters.harnesses.postgresql import PostgresqlHarness
from adapters.harnesses.sqlite import SqliteHarness
from squidie_contract import StorageContract


class TestMemoryStorage(StorageContract):
    harness = MemoryHarness


class TestSqliteStorage(StorageContract):
    harness = SqliteHarness


class TestPostgresqlStorage(StorageContract):
    harness = PostgresqlHarness


class TestDynamodbStorage(StorageContract):
    harness = DynamodbHarness
