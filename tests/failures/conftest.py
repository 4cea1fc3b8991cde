"""Stores, servers and processes of tests about things that go wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from squidie_storage_sql import open_postgresql
from tests.failures.processes import Processes
from tests.runtime.stores import PostgresqlStore, SharedStore, SqliteStore
from tests.servers import Postgres


@pytest.fixture(scope="session")
def migrated_url(postgresql_url: str) -> str:
    """Give the URL of a PostgreSQL that has the tables."""
    open_postgresql.migrate(postgresql_url)
    return postgresql_url


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[SqliteStore]:
    """Yield a file without runs."""
    made = SqliteStore(tmp_path / "runs.db")
    yield made
    made.close()


@pytest.fixture
def postgresql(migrated_url: str) -> Iterator[PostgresqlStore]:
    """Yield a namespace without runs."""
    made = PostgresqlStore(migrated_url)
    yield made
    made.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> SharedStore:
    """Give a store of each kind."""
    made: SharedStore = request.getfixturevalue(request.param)
    return made


@pytest.fixture
def processes(store: SharedStore, tmp_path: Path) -> Iterator[Processes]:
    """Yield a starter of workers on the store, which are killed at the end."""
    with Processes(store.url, tmp_path) as made:
        yield made


@pytest.fixture
def server(postgresql_url: str) -> Iterator[Postgres]:  # noqa: ARG001 -- skips where no server can be had
    """Yield a server of the test's own, because it is maltreated."""
    own = Postgres(fsync=False)
    yield own
    own.stop()
