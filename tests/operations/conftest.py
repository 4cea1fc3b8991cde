"""Notifiers and databases of tests about operating Squidie."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest

from squidie_storage_sql import PostgresqlNotifier, open_notifier, open_postgresql
from tests.operations.processes import Hosts
from tests.servers import MissingServerError, PgBouncer, Postgres

OpenNotifier = Callable[..., PostgresqlNotifier]


@pytest.fixture(scope="session")
def migrated_url(postgresql_url: str) -> str:
    """Give the URL of a PostgreSQL that has the tables."""
    open_postgresql.migrate(postgresql_url)
    return postgresql_url


@pytest.fixture
def store_url(migrated_url: str) -> str:
    """Give the URL of a namespace that no other test uses; its connections carry the same name."""
    name = f"t-{uuid4().hex}"
    return f"{migrated_url}?namespace={name}&application_name={name}"


@pytest.fixture
def server(postgresql_url: str) -> Iterator[Postgres]:  # noqa: ARG001 -- skips where no server can be had
    """Yield a server of the test's own, because it is killed."""
    own = Postgres(fsync=False)
    yield own
    own.stop()


def _pooler(postgresql_url: str, sessions: int) -> Iterator[str]:
    try:
        pooler = PgBouncer(postgresql_url, sessions=sessions)
    except MissingServerError as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(missing))
    yield pooler.url
    pooler.stop()


@pytest.fixture(scope="session")
def pooled_url(migrated_url: str) -> Iterator[str]:
    """Yield a URL through a PgBouncer whose few connections to the server all clients share."""
    yield from _pooler(migrated_url, 3)


@pytest.fixture(scope="session")
def forgetful_url(migrated_url: str) -> Iterator[str]:
    """Yield a URL through a PgBouncer that uses each connection to the server for one transaction."""
    yield from _pooler(migrated_url, 0)


@pytest.fixture
def notifier() -> Iterator[OpenNotifier]:
    """Yield a function that opens notifiers, which are closed at the end."""
    opened: list[PostgresqlNotifier] = []

    def open_(url: str, **options: object) -> PostgresqlNotifier:
        opened.append(open_notifier(url, **options))
        return opened[-1]

    yield open_
    for one in opened:
        one.close()


@pytest.fixture
def processes() -> Iterator[Hosts]:
    """Yield a starter of processes, which are killed at the end."""
    with Hosts() as made:
        yield made
