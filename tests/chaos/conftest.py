"""Stores for the chaos."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random
from uuid import uuid4

import pytest

from squidie_core import Squidie
from squidie_storage_sql import open_postgresql
from tests.chaos.crew import Crew, crew_at
from tests.chaos.options import OPTIONS
from tests.chaos.roles import opened
from tests.chaos.sidelog import SideLog
from tests.servers import Postgres


@pytest.fixture
def chosen(request: pytest.FixtureRequest) -> Random:
    """Give the random moments and choices of the test."""
    print(f"replay: {OPTIONS.replay}")  # noqa: T201  # pytest shows it where the test fails
    return Random(f"{OPTIONS.seed} {request.node.name}")  # noqa: S311  # they guard nothing


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """Give the URL of a store without runs that processes can share."""
    if request.param == "sqlite":
        folder: Path = request.getfixturevalue("tmp_path")
        return f"sqlite:///{folder}/runs.db"
    server: str = request.getfixturevalue("postgresql_url")
    open_postgresql.migrate(server)
    return f"{server}?namespace=chaos-{uuid4().hex}"


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SideLog]:
    made = SideLog(tmp_path / "sidelog")
    yield made
    made.close()


@pytest.fixture
def squidie(url: str, log: SideLog) -> Iterator[Squidie]:
    """Yield a client that only looks."""
    with opened(url, log) as made:
        yield made


@pytest.fixture
def crew(url: str, squidie: Squidie, log: SideLog) -> Iterator[Crew]:
    """Yield a crew at the store."""
    with crew_at(url, squidie, log) as made:
        yield made


@pytest.fixture
def server(postgresql_url: str) -> Iterator[Postgres]:  # noqa: ARG001 -- skips where no server can be had
    """Yield a server of the test's own, which tells its log of waits for rows."""
    own = Postgres(
        fsync=False, settings={"log_lock_waits": "on", "deadlock_timeout": "100ms", "log_line_prefix": "%a "}
    )
    yield own
    own.stop()
