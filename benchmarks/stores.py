"""Where runs are kept while they are measured.

A PostgreSQL with fsync, SQLite files beside its data; a Valkey and a DynamoDB emulator, which hold theirs in memory.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import psycopg
from psycopg import sql

from benchmarks.usage import parent_of
from squidie_core import Squidie
from tests.servers import DynamoDb, Postgres, Redis


class Stores:
    """Fresh stores by name. Everything is gone at the end of the block."""

    def __init__(self) -> None:
        # On the file system that has PostgreSQL's data.
        self._folder = tempfile.TemporaryDirectory(prefix="squidie-bench-", dir="/tmp")
        self._server: Postgres | None = None
        self._redis: Redis | None = None
        self._dynamodb: DynamoDb | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.stop()
        if self._redis is not None:
            self._redis.stop()
        if self._dynamodb is not None:
            self._dynamodb.stop()
        self._folder.cleanup()

    @property
    def folder(self) -> Path:
        """Where the files are."""
        return Path(self._folder.name)

    @property
    def server(self) -> Postgres:
        """The PostgreSQL, started when first asked for."""
        if self._server is None:
            self._server = Postgres(fsync=True)
        return self._server

    @property
    def redis(self) -> str:
        """The URL of a Valkey that writes nothing to its disk, started when first asked for."""
        if self._redis is None:
            self._redis = Redis()
        return self._redis.url

    @property
    def dynamodb(self) -> str:
        """The address of the emulator, started when first asked for; what it takes for credentials is for children."""
        if self._dynamodb is None:
            for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
                os.environ.setdefault(name, "benchmark")
            self._dynamodb = DynamoDb()
        return self._dynamodb.url

    def empty(self, kind: str, name: str) -> str:
        """The URL of a new database, file or table's name without tables."""
        if kind == "dynamodb":
            return f"dynamodb://{name}?endpoint={self.dynamodb}"
        if kind == "sqlite":
            path = self.folder / f"{name}.db"
            for suffix in ("", "-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
            return f"sqlite:///{path}"
        with self._administrator() as connection:
            identifier = sql.Identifier(name)
            connection.execute(sql.SQL("drop database if exists {} with (force)").format(identifier))
            connection.execute(sql.SQL("create database {}").format(identifier))
        return self.server.url.rpartition("/")[0] + f"/{name}"

    def ours(self, kind: str, name: str) -> str:
        """The same with our tables."""
        url = self.empty(kind, name)
        Squidie(url, storage_options={"create": True}).close()
        return url

    def server_pid(self, kind: str) -> int | None:
        """The server's first process; a SQLite file has none."""
        if kind == "sqlite":
            return None
        with self._administrator() as connection:
            return parent_of(self._one(connection, "select pg_backend_pid()"))

    def transactions(self, kind: str, url: str) -> int:
        """Committed transactions in a database so far, reading ones included; call it when its clients are gone."""
        if kind == "sqlite":
            return 0
        with self._administrator() as connection:
            query = "select xact_commit from pg_stat_database where datname = %s"
            return int(self._one(connection, query, url.rpartition("/")[2]))

    def count(self, url: str, table: str) -> int:
        """The rows of a PostgreSQL table."""
        with psycopg.connect(url) as connection:
            query = sql.SQL("select count(*) from {}").format(sql.Identifier(table))
            return int(connection.execute(query).fetchall()[0][0])

    def version(self) -> str:
        """The server's version."""
        with self._administrator() as connection:
            return str(self._one(connection, "select current_setting('server_version')"))

    def _administrator(self) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(self.server.url, autocommit=True)

    def _one(self, connection: psycopg.Connection[tuple[Any, ...]], query: str, *parameters: object) -> Any:
        row = connection.execute(cast("Any", query), parameters).fetchone()
        return row[0] if row else None
