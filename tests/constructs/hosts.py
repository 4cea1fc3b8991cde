# ruff: noqa: S608 -- texts are put together from names that tests give
"""A host beside its runs: a table of its own in their database, and transactions on it in every form."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, LiteralString

import psycopg
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.runtime.stores import PostgresqlStore, SqliteStore, SqlStore

KINDS = ("connection", "session", "driver")


class Orders:
    """The host's table: a word a row."""

    def __init__(self, engine: sa.Engine, name: str) -> None:
        self.engine = engine
        self.name = name
        with engine.begin() as connection:
            connection.execute(sa.text(f"create table {name} (word text)"))

    def add(self, transaction: object, word: str) -> None:
        """Write a row in somebody's transaction."""
        statement = f"insert into {self.name} values (%s)"
        if isinstance(transaction, (sa.Connection, Session)):
            transaction.execute(sa.text(f"insert into {self.name} values (:word)"), {"word": word})
        elif isinstance(transaction, sqlite3.Connection):
            transaction.execute(statement.replace("%s", "?"), (word,))
        else:
            assert isinstance(transaction, psycopg.Connection)
            transaction.execute(statement.encode(), (word,))

    @property
    def words(self) -> list[str]:
        """What is committed."""
        with self.engine.connect() as connection:
            return sorted(connection.execute(sa.text(f"select word from {self.name}")).scalars())


class Host:
    """An application with a table beside the runs."""

    def __init__(self, store: SqlStore) -> None:
        self.store = store
        server = store.url.partition("?")[0]
        self.engine = sa.create_engine(server.replace("postgresql://", "postgresql+psycopg://"))
        self.orders = Orders(self.engine, f"orders_{store.namespace.replace('-', '_')}")
        self._server = server

    @contextmanager
    def transaction(self, kind: str = "connection") -> Generator[Any]:
        """An open transaction, committed at the end of the block; rolled back where that raises."""
        if kind == "connection":
            with self.engine.begin() as connection:
                yield connection
        elif kind == "session":
            with Session(self.engine) as session, session.begin():
                yield session
        else:
            driver = self.driver()
            try:
                with driver:  # commits or rolls back
                    yield driver
            finally:
                driver.close()

    @contextmanager
    def undone(self, kind: str = "connection") -> Generator[Any]:
        """An open transaction, rolled back at the end of the block."""
        with suppress(_Undone), self.transaction(kind) as transaction:
            yield transaction
            raise _Undone

    def driver(self, **options: Any) -> Any:
        """A connection of the driver's own."""
        if isinstance(self.store, SqliteStore):
            return sqlite3.connect(self._server.removeprefix("sqlite:///"), **options)
        assert isinstance(self.store, PostgresqlStore)
        return psycopg.connect(self._server, **options)

    def execute(self, statement: LiteralString, parameters: Mapping[str, object] | None = None) -> list[Any]:
        """Run SQL beside everybody; the first column of every row."""
        return self.store.execute(statement, parameters or {})

    def close(self) -> None:
        with self.engine.begin() as connection:
            connection.execute(sa.text(f"drop table {self.orders.name}"))
        self.engine.dispose()


class _Undone(Exception):
    """The host thought better of it."""
