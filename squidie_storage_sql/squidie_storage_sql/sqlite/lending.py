"""Transactions on a SQLite file for bodies. They have the write lock from the beginning, so all other writers wait."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import create_engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from squidie_core.errors import StorageError, TransactionAborted, Unavailable
from squidie_storage_sql.lending import Loan, ended
from squidie_storage_sql.sqlite.failures import left_undone

if TYPE_CHECKING:
    from collections.abc import Generator

    from sqlalchemy.engine import URL, Connection

    from squidie_storage_sql.options import SqliteOptions
    from squidie_storage_sql.sqlite.connections import Connections

_FORBIDDEN = "the transaction is Squidie's to end; leave commit, rollback and executescript out of the body"


class LentConnection(sqlite3.Connection):
    """A connection whose transaction only its owner ends."""

    lent = False

    def commit(self) -> None:
        """Not while it is lent."""
        self._refuse()
        super().commit()

    def rollback(self) -> None:
        """Not while it is lent."""
        self._refuse()
        super().rollback()

    def executescript(self, sql_script: str, /) -> sqlite3.Cursor:
        """Not while it is lent: it commits first."""
        self._refuse()
        return super().executescript(sql_script)

    def __exit__(self, *_: object) -> bool:  # type: ignore[override]  # whose arguments have other names
        """Not while it is lent: it commits or rolls back."""
        self._refuse()
        return bool(super().__exit__(*cast("Any", _)))

    def _refuse(self) -> None:
        if self.lent:
            raise sqlite3.ProgrammingError(_FORBIDDEN)


class Lender:
    """One transaction at a time, as the file has it. Safe to use from many threads."""

    def __init__(self, url: URL, options: SqliteOptions) -> None:
        self._turn = threading.Lock()
        self._settings = f"pragma synchronous = {options.synchronous}", f"pragma foreign_keys = {options.foreign_keys}"
        self.engine = create_engine(
            url,
            poolclass=NullPool,
            hide_parameters=True,
            connect_args={
                "factory": LentConnection,
                "isolation_level": None,
                "timeout": 0,
                "check_same_thread": False,
            },
        )

    @contextmanager
    def lend(self, connections: Connections) -> Generator[SqliteLoan]:
        """A transaction for the block, rolled back at its end unless it was committed."""
        connections.check_open()
        with self._turn:
            try:
                connection = self.engine.connect()
            except SQLAlchemyError as error:
                raise Unavailable(f"SQLite cannot use its file now: {error}") from error
            loan = SqliteLoan(connection)
            try:
                connections.patiently(lambda: loan.begin(*self._settings))
                yield loan
            finally:
                loan.close()
                connection.close()


class SqliteLoan(Loan):
    """A connection that refuses to commit or roll back while it is lent."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._driver = cast("LentConnection", connection.connection.dbapi_connection)

    @property
    def driver(self) -> LentConnection:
        """The connection of sqlite3."""
        return self._driver

    def begin(self, *settings: str) -> None:
        """Take the write lock."""
        for setting in settings:
            self._driver.execute(setting)
        self._driver.execute("begin immediate")
        self.connection.begin()
        self._driver.lent = True

    def check_open(self) -> None:
        """Raise StorageError where the body has ended the transaction."""
        try:
            is_open = self._driver.in_transaction
        except sqlite3.ProgrammingError:  # it is closed
            is_open = False
        if not is_open:
            raise ended()

    def commit(self) -> None:
        """Commit; deferred constraints are checked now."""
        self._driver.lent = False
        try:
            self._driver.execute("commit")
        except sqlite3.IntegrityError as error:
            raise StorageError(f"SQLite does not commit this: {error}", code="refused") from error
        except sqlite3.Error as error:
            if left_undone(error):
                raise TransactionAborted(f"SQLite could not commit: {error}") from error
            raise Unavailable(f"SQLite could not commit: {error}", outcome="unknown") from error

    def close(self) -> None:
        """Roll back what was not committed."""
        self._driver.lent = False
        super().close()
        with suppress(sqlite3.Error):
            self._driver.rollback()
        if self.connection.in_transaction():
            with suppress(SQLAlchemyError):
                self.connection.rollback()
