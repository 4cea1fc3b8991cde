"""The stores that the runtime is tested on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from squidie_storage_sql import open_postgresql
from tests.runtime.stores import DynamodbStore, MemoryStore, PostgresqlStore, SharedStore, SqliteStore, Store


@pytest.fixture(scope="session")
def migrated_url(postgresql_url: str) -> str:
    """Give the URL of a PostgreSQL that has the tables."""
    open_postgresql.migrate(postgresql_url)
    return postgresql_url


def _store(request: pytest.FixtureRequest) -> Store:
    if request.param == "memory":
        return MemoryStore()
    if request.param == "sqlite":
        path: Path = request.getfixturevalue("tmp_path")
        return SqliteStore(path / "runs.db")
    if request.param == "dynamodb":
        return DynamodbStore(request.getfixturevalue("dynamodb_url"))
    return PostgresqlStore(request.getfixturevalue("migrated_url"))


@pytest.fixture(params=["memory", "sqlite", "postgresql", "dynamodb"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    """Yield a store without runs, and close the clients that the test opened."""
    made = _store(request)
    yield made
    made.close()


@pytest.fixture(params=["sqlite", "postgresql", "dynamodb"])
def shared_store(request: pytest.FixtureRequest) -> Iterator[SharedStore]:
    """Yield a store without runs that processes can share."""
    made = _store(request)
    assert isinstance(made, SharedStore)
    yield made
    made.close()


@pytest.fixture
def memory() -> Iterator[Store]:
    """Yield a store in memory, for what does not depend on the store."""
    made = MemoryStore()
    yield made
    made.close()
