"""Servers, clients and processes of the tests of Redis."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest

from squidie_leases_redis import RedisLeases, RedisNotifier, open_leases, open_notifier
from squidie_storage_sql import open_postgresql
from tests.leases_redis.processes import Processes
from tests.leases_redis.wire import Relay
from tests.leases_redis.worlds import REDIS
from tests.servers import Redis

OpenLeases = Callable[..., RedisLeases]
OpenNotifier = Callable[..., RedisNotifier]


@pytest.fixture(scope="session")
def migrated_url(postgresql_url: str) -> str:
    """Give the URL of a PostgreSQL that has the tables."""
    open_postgresql.migrate(postgresql_url)
    return postgresql_url


@pytest.fixture
def home() -> str:
    """Give a namespace that no other test uses."""
    return f"t-{uuid4().hex}"


@pytest.fixture(params=list(REDIS))
def url(request: pytest.FixtureRequest, home: str) -> str:
    """Give the URL of a namespace in each kind of server."""
    server: str = request.getfixturevalue(REDIS[request.param])
    return f"{server}{'&' if '?' in server else '?'}namespace={home}"


@pytest.fixture
def valkey_url(redis_url: str, home: str) -> str:
    """Give the URL of a namespace, for what does not depend on the server."""
    return f"{redis_url}?namespace={home}"


@pytest.fixture
def server(redis_url: str) -> Iterator[Redis]:  # noqa: ARG001 -- skips where no server can be had
    """Yield a server of the test's own, because it is killed; it keeps its data."""
    own = Redis(durable=True)
    yield own
    own.stop()


@pytest.fixture
def relay(redis_url: str, home: str) -> Iterator[Relay]:
    """Yield a way to the session's server on which what passes can be counted and cut."""
    made = Relay(redis_url, home)
    yield made
    made.close()


@pytest.fixture
def leases() -> Iterator[OpenLeases]:
    """Yield a function that opens lease backends, which are closed at the end."""
    opened: list[RedisLeases] = []

    def open_(url: str, **options: object) -> RedisLeases:
        opened.append(open_leases(url, **options))
        return opened[-1]

    yield open_
    for one in opened:
        one.close()


@pytest.fixture
def notifier() -> Iterator[OpenNotifier]:
    """Yield a function that opens notifiers, which are closed at the end."""
    opened: list[RedisNotifier] = []

    def open_(url: str, **options: object) -> RedisNotifier:
        opened.append(open_notifier(url, **options))
        return opened[-1]

    yield open_
    for one in opened:
        one.close()


@pytest.fixture
def processes() -> Iterator[Processes]:
    """Yield a starter of processes, which are killed at the end."""
    with Processes() as made:
        yield made
