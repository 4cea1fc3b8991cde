"""Our notifiers keep the contract."""

from __future__ import annotations

from adapters.harnesses.memory import MemoryHarness
from adapters.harnesses.postgresql import PostgresqlHarness
from squidie_contract import NotifierContract


class TestMemoryNotifier(NotifierContract):
    harness = MemoryHarness


class TestPostgresqlNotifier(NotifierContract):
    harness = PostgresqlHarness
