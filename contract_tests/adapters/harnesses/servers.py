"""The servers of this process, each started when the first world needs it."""

from __future__ import annotations

import atexit
import os
from functools import cache

import pytest

from squidie_storage_sql import open_postgresql
from tests.servers import MissingServerError, Postgres


@cache
def postgresql_url() -> str:
    """A PostgreSQL that has the tables."""
    url = os.environ.get("SQUIDIE_TEST_POSTGRESQL_URL") or _postgresql()
    open_postgresql.migrate(url)
    return url


def _postgresql() -> str:
    try:
        server = Postgres(fsync=False)
    except MissingServerError as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(missing))
    atexit.register(server.stop)
    return server.url
