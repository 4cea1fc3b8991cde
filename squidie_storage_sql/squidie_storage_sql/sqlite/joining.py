"""SQLite within a transaction of the host's: the same statements on the host's connection."""

from __future__ import annotations

import sqlite3
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from squidie_core.errors import NotSupported, SchemaError, TransactionAborted
from squidie_storage_sql.database import Transient
from squidie_storage_sql.handles import over, refused
from squidie_storage_sql.sqlite.database import SqliteDatabase, rows_of
from squidie_storage_sql.sqlite.failures import failure, is_stale

if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import NoReturn

    from squidie_storage_sql.database import Parameters, Row
    from squidie_storage_sql.handles import Handle

_TABLES = "select 1 from sqlite_master where type = 'table' and name = 'squidie_runs'"


class JoinedSqlite(SqliteDatabase):
    """The statements of commands, on a connection that is somebody else's. For one thread at a time."""

    def __init__(self, outer: SqliteDatabase, handle: Handle[sqlite3.Connection]) -> None:
        self.namespace = outer.namespace
        self.path = outer.path
        self._handle = handle

    def clock(self) -> int:
        """This machine's clock."""
        return time.time_ns() // 1_000_000

    def read(self, statement: str, parameters: Parameters) -> list[Row]:
        """As the transaction sees it."""
        bound = self._bound(parameters)
        with self.using() as connection:
            return rows_of(connection, statement, bound)

    @contextmanager
    def writing(self) -> Generator[sqlite3.Connection]:
        """All of the block or nothing of it; the transaction stays open either way."""
        with self.using() as connection:
            connection.execute("savepoint squidie_commit")
            try:
                yield connection
            except BaseException:
                if connection.in_transaction:
                    connection.execute("rollback to squidie_commit")
                    connection.execute("release squidie_commit")
                raise
            connection.execute("release squidie_commit")

    @contextmanager
    def using(self) -> Generator[sqlite3.Connection]:
        """The connection, which gives plain rows for as long. Raises TransactionAborted where others have the file."""
        self._handle.check()
        host = self._handle.driver
        try:
            if not host.in_transaction:
                raise over()
            as_rows, as_text = host.row_factory, host.text_factory
            host.row_factory, host.text_factory = None, str
            try:
                yield host
            finally:
                host.row_factory, host.text_factory = as_rows, as_text
        except (sqlite3.Error, OverflowError, UnicodeError) as error:
            raise meaning_of(error) from error

    def due(self, parameters: Parameters, *, oldest_first: bool) -> NoReturn:  # noqa: ARG002  # the port's
        """Workers have connections of their own."""
        raise _not_here("due")

    def purge(self, parameters: Parameters) -> NoReturn:  # noqa: ARG002  # the port's
        """Purges go in transactions of their own."""
        raise _not_here("purge")

    def health(self) -> NoReturn:
        """Nothing that a transaction knows."""
        raise _not_here("health")

    def migrate(self) -> NoReturn:
        """Migrations go in transactions of their own."""
        raise _not_here("migrate")

    def close(self) -> None:
        """The connection is the host's."""


def join(handle: Handle[sqlite3.Connection], outer: SqliteDatabase) -> JoinedSqlite:
    """Take part in the handle's transaction, or begin one where the driver would do so by itself with a write.

    Raises what `squidie_core.ports.HostTransactions.within` says.
    """
    driver = handle.driver
    joined = JoinedSqlite(outer, handle)
    try:
        path = _path(driver)
        handle.begin()
        if not driver.in_transaction:
            if driver.isolation_level is None or getattr(driver, "autocommit", None) is True:
                raise refused(
                    "is a connection that commits each statement by itself, with no transaction open; "
                    'open one first: connection.execute("begin immediate")'
                )
            driver.execute("begin immediate")
    except sqlite3.Error as error:
        raise meaning_of(error) from error
    if not path.exists() or not path.samefile(outer.path):
        raise refused("leads to another file than the runs are in; connect to that of the storage's URL")
    with joined.using() as connection:
        if not connection.execute(_TABLES).fetchall():
            raise SchemaError(
                "transaction: Squidie's tables are not in this file; run `squidie migrate URL`",
                details={"option": "transaction"},
            )
    return joined


def meaning_of(error: Exception) -> Exception:
    """What the driver raised, for somebody whose transaction it is."""
    if isinstance(error, sqlite3.ProgrammingError):  # a connection that was closed, or is of another thread
        return refused(f"cannot be used: {error}")
    if isinstance(error, sqlite3.Error) and is_stale(error):
        return TransactionAborted(
            "the transaction began with a look at the file, and others have written to it since, so it cannot write; "
            'roll it back, and open the next one with "begin immediate"'
        )
    meaning = failure(error)
    if isinstance(meaning, Transient):
        return TransactionAborted(
            f"another process is writing to the SQLite file ({meaning}); roll back and do all of it again, "
            "or give the connection a longer timeout"
        )
    return meaning


def _path(driver: sqlite3.Connection) -> Path:
    rows: list[tuple[Any, ...]] = driver.cursor().execute("pragma database_list").fetchall()
    return Path(next(str(row[2]) for row in map(tuple, rows) if row[1] == "main"))


def _not_here(what: str) -> NotSupported:
    return NotSupported(f"{what} is nothing for a transaction of the host's; call it on the storage itself")
