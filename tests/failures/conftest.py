"""Stores, servers and processes of tests about things that go wrong."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from squidie_storage_sql import open_postgresql
from tests.failures.processes import Processes
from tests.runtime.stores import PostgresqlStore, SharedStore, SqliteStore
from tests.servers import Postgres


@contextmanager
def database(postgresql_url: str) -> Generator[str]:
    """A database with the tables, for the block; its URL."""
    name = f"failures_{uuid4().hex}"
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    url = urlsplit(postgresql_url)._replace(path=f"/{name}").geturl()
    open_postgresql.migrate(url)
    yield url
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def migrated_url(postgresql_url: str) -> Iterator[str]:
    """Yield the URL of a database with the tables, for these tests alone: they leave much behind."""
    with database(postgresql_url) as url:
        yield url


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


@pytest.fixture
def own_postgresql(postgresql_url: str) -> Iterator[PostgresqlStore]:
    """Yield a database for a test that changes its tables."""
    with database(postgresql_url) as url:
        made = PostgresqlStore(url)
        yield made
        made.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> SharedStore:
    """Give a store of each kind."""
    made: SharedStore = request.getfixturevalue(request.param)
    return made


@pytest.fixture(params=["sqlite", "own_postgresql"], ids=["sqlite", "postgresql"])
def own_store(request: pytest.FixtureRequest) -> SharedStore:
    """Give a store whose tables no other test uses."""
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
