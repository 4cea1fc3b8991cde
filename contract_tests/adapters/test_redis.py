"""Leases and hints in Redis, and the runtime with them beside its storage."""

from __future__ import annotations

from adapters.harnesses.memory import MemoryHarness
from adapters.harnesses.postgresql import PostgresqlHarness
from adapters.harnesses.redis import RedisHarness
from adapters.harnesses.sqlite import SqliteHarness
from squidie_contract import LeaseContract, NotifierContract, RuntimeContract


class TestRedisLeases(LeaseContract):
    harness = RedisHarness


class TestRedisNotifier(NotifierContract):
    harness = RedisHarness


class TestMemoryWithRedis(RuntimeContract):
    harness = MemoryHarness
    beside = RedisHarness


class TestSqliteWithRedis(RuntimeContract):
    harness = SqliteHarness
    beside = RedisHarness


class TestPostgresqlWithRedis(RuntimeContract):
    harness = PostgresqlHarness
    beside = RedisHarness
