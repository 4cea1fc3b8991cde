"""What all tests share: the servers."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.servers import MissingServerError, Postgres


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
