"""The stores that the constructs are tested on: the runtime's, one whose clock tests turn, and worlds for races."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.harnesses.memory import MemoryHarness
from adapters.harnesses.postgresql import PostgresqlHarness
from squidie_contract.harness import Harness
from tests.constructs.clocked import ClockedStore
from tests.constructs.hosts import Host
from tests.runtime.conftest import memory, migrated_url, shared_store, store
from tests.runtime.stores import PostgresqlStore, SqliteStore

__all__ = ["clocked", "harness", "memory", "migrated_url", "shared_store", "store"]


@pytest.fixture(params=[MemoryHarness, PostgresqlHarness], ids=["memory", "postgresql"])
def harness(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> type[Harness]:
    """Give what makes worlds for races; those of PostgreSQL are in the session's server."""
    if request.param is PostgresqlHarness:
        monkeypatch.setenv("SQUIDIE_TEST_POSTGRESQL_URL", request.getfixturevalue("migrated_url"))
    chosen: type[Harness] = request.param
    return chosen


@pytest.fixture
def clocked() -> Iterator[ClockedStore]:
    """Yield a store in memory whose time passes only when the test says so."""
    made = ClockedStore()
    yield made
    made.close()


@pytest.fixture
def sqlite_host(tmp_path: Path) -> Iterator[Host]:
    """Yield an application whose SQLite file holds the runs."""
    store = SqliteStore(tmp_path / "runs.db")
    store.open()  # makes the tables
    host = Host(store)
    yield host
    host.close()
    store.close()


@pytest.fixture
def postgresql_host(migrated_url: str) -> Iterator[Host]:
    """Yield an application whose PostgreSQL database holds the runs."""
    store = PostgresqlStore(migrated_url)
    host = Host(store)
    yield host
    host.close()
    store.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def host(request: pytest.FixtureRequest) -> Host:
    """Give an application whose database holds the runs."""
    found: Host = request.getfixturevalue(f"{request.param}_host")
    return found
