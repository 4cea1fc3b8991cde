"""The servers of this process, each started when the first world needs it."""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable
from functools import cache

import psycopg
import pytest

from adapters.harnesses.notes import NOTES
from squidie_storage_dynamodb import open_dynamodb
from squidie_storage_sql import open_postgresql
from tests.servers import DynamoDb, MissingServerError, Postgres

DYNAMODB_SECRET = "s3cr3t-k3y-0f-m0r1a"


@cache
def dynamodb_url() -> str:
    """A table in a DynamoDB. What an emulator takes for credentials is in the environment, for child processes too."""
    os.environ.setdefault("AWS_ACCESS_KEY_ID", "tests")
    os.environ.setdefault("AWS_SECRET_ACCESS_KEY", DYNAMODB_SECRET)
    os.environ.setdefault("AWS_DEFAULT_REGION", "eu-central-1")
    url = f"dynamodb://squidie-contract?endpoint={os.environ.get('SQUIDIE_TEST_DYNAMODB_URL') or _started(DynamoDb)}"
    open_dynamodb.migrate(url)
    return url


@cache
def postgresql_url() -> str:
    """A PostgreSQL that has the tables."""
    url = os.environ.get("SQUIDIE_TEST_POSTGRESQL_URL") or _started(lambda: Postgres(fsync=False))
    open_postgresql.migrate(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(NOTES)
    return url


def _started(start: Callable[[], DynamoDb | Postgres]) -> str:
    try:
        server = start()
    except MissingServerError as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(missing))
    atexit.register(server.stop)
    return server.url
