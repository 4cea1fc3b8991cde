"""What all tests share: the servers."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager

import pytest

from squidie_storage_dynamodb import open_dynamodb
from tests.servers import DynamoDb, MissingServerError, Postgres, Redis


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest go first, so that several processes end together.

    Names of tests that are others in each process are refused: pytest-xdist needs the same ones.
    """
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
    if wandering := [item.nodeid for item in items if " at 0x" in item.nodeid]:
        raise pytest.UsageError(f"name these parameters (`ids=`) by what they are, not by their address: {wandering}")


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """Yield the URL of the session's PostgreSQL, started when the first test asks for it."""
    running = os.environ.get("SQUIDIE_TEST_POSTGRESQL_URL")
    if running:
        yield running
        return
    try:
        server = Postgres(fsync=False)
    except MissingServerError as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(missing))
    yield server.url
    server.stop()


@contextmanager
def running_redis(program: str = "valkey", *, nodes: int | None = None) -> Generator[str]:
    """Give the URL of a Redis; where none can be had, skip, or fail where `CI` is set."""
    try:
        server = Redis(program, nodes=nodes)
    except MissingServerError as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(missing))
    try:
        yield server.url
    finally:
        server.stop()


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """Yield the URL of the session's Valkey, or of the Redis that SQUIDIE_TEST_REDIS_URL names."""
    running = os.environ.get("SQUIDIE_TEST_REDIS_URL")
    if running:
        yield running
        return
    with running_redis() as url:
        yield url


@pytest.fixture(scope="session")
def redis_6_url() -> Iterator[str]:
    """Yield the URL of a Redis 6.2, where there is a wheel of it for this Python and machine."""
    if sys.version_info >= (3, 13) or (sys.platform, platform.machine()) != ("linux", "x86_64"):
        pytest.skip("there is no wheel of Redis 6.2 for this Python and machine")
    with running_redis("redis") as url:
        yield url


@pytest.fixture(scope="session")
def redis_cluster_url() -> Iterator[str]:
    """Yield the URL of a cluster of three nodes."""
    with running_redis(nodes=3) as url:
        yield url


@pytest.fixture(scope="session")
def dynamodb_endpoint() -> Iterator[str]:
    """Yield the address of the session's DynamoDB, started when the first test asks for it.

    What an emulator takes for credentials and region is in the environment from then on, for child processes too.
    """
    chosen = {"AWS_ACCESS_KEY_ID": "tests", "AWS_SECRET_ACCESS_KEY": "none", "AWS_DEFAULT_REGION": "eu-central-1"}
    for name, value in chosen.items():
        os.environ.setdefault(name, value)
    running = os.environ.get("SQUIDIE_TEST_DYNAMODB_URL")
    if running:
        yield running
        return
    try:
        server = DynamoDb()
    except MissingServerError as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(missing))
    yield server.url
    server.stop()


@pytest.fixture(scope="session")
def dynamodb_url(dynamodb_endpoint: str) -> str:
    """Give the URL of a table in it that has been made, without a namespace."""
    url = f"dynamodb://squidie-tests?endpoint={dynamodb_endpoint}"
    open_dynamodb.migrate(url)
    return url
