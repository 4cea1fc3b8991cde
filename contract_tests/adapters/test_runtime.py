"""The runtime on each of our storages, without hints and with those of our notifiers."""

from __future__ import annotations

from adapters.harnesses.dynamodb import DynamodbHarness
from adapters.harnesses.memory import MemoryHarness
from adapters.harnesses.postgresql import PostgresqlHarness
from adapters.harnesses.sqlite import SqliteHarness
from squidie_contract import RuntimeContract


class TestMemory(RuntimeContract):
    harness = MemoryHarness


class TestMemoryWithItsHintsAndLeases(RuntimeContract):
    harness = MemoryHarness
    beside = MemoryHarness


class TestSqlite(RuntimeContract):
    harness = SqliteHarness


class TestPostgresql(RuntimeContract):
    harness = PostgresqlHarness


class TestPostgresqlWithItsHints(RuntimeContract):
    harness = PostgresqlHarness
    beside = PostgresqlHarness


class TestDynamodb(RuntimeContract):
    harness = DynamodbHarness
