"""The stores that the constructs are tested on: the runtime's, one whose clock tests turn, and worlds for races."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from adapters.harnesses.memory import MemoryHarness
from adapters.harnesses.postgresql import PostgresqlHarness
from squidie_contract.harness import Harness
from tests.constructs.clocked import ClockedStore
from tests.runtime.conftest import memory, migrated_url, shared_store, store

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
