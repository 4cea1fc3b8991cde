"""The adapters that the tests of purging run on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from squidie_core.memory import MemoryStorage, MemoryWorld
from squidie_core.ports.storage import Storage
from squidie_storage_sql import open_postgresql, open_sqlite
from tests.clocks import Clock
from tests.purging.worlds import World


def _memory() -> World:
    clock = Clock()
    shared = MemoryWorld(clock=clock)
    return World(lambda namespace: MemoryStorage(namespace, world=shared), clock)


def _sqlite(path: Path) -> World:
    return World(lambda namespace: open_sqlite(f"sqlite:///{path}", namespace=namespace))


def _postgresql(url: str) -> World:
    return World(lambda namespace: open_postgresql(url, namespace=namespace, create=True))


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """Yield a store that nobody has written to, and close the clients that the test made."""
    match request.param:
        case "memory":
            made = _memory()
        case "sqlite":
            tmp_path: Path = request.getfixturevalue("tmp_path")
            made = _sqlite(tmp_path / "runs.db")
        case _:
            made = _postgresql(request.getfixturevalue("postgresql_url"))
    yield made
    made.close()


@pytest.fixture
def open_storage(world: World) -> Callable[..., Storage]:
    """Give a function that makes a new client of the test's store, `namespace=` another than the test's own."""
    return world.open


@pytest.fixture
def storage(world: World) -> Storage:
    """Give a client of the test's store."""
    return world.open()
