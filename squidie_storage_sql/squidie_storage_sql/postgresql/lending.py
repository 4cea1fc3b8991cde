"""Transactions on PostgreSQL for bodies: on connections of their own, set up as a host's would be."""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, cast

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import create_engine
from sqlalchemy.exc import SQLAlchemyError

from squidie_core.errors import StorageError, TransactionAborted, Unavailable
from squidie_storage_sql.lending import Loan, ended, failed
from squidie_storage_sql.postgresql.failures import unconnected, words

if TYPE_CHECKING:
    from collections.abc import Generator

    from sqlalchemy.engine import URL, Connection, Engine

    from squidie_core.adapters.scrubbing import Scrubber
    from squidie_storage_sql.options import PostgresqlOptions

_LOST = ("08", "57P01", "57P02", "57P03")  # connection, shutdown, crash, starting up
_AGAIN = ("40001", "40P01")


class Lender:
    """As many transactions at a time as the options say; who wants another one waits. Safe to use from many threads."""

    def __init__(self, url: URL, options: PostgresqlOptions, scrub: Scrubber) -> None:
        self._url = url
        self._options = options
        self._scrub = scrub
        self._turns = threading.BoundedSemaphore(options.transactions)
        self._lock = threading.Lock()
        self._engine: Engine | None = None

    @contextmanager
    def lend(self) -> Generator[PostgresqlLoan]:
        """A transaction for the block, rolled back at its end unless it was committed."""
        with self._turns:
            connection = self._connect()
            loan = PostgresqlLoan(connection, self._scrub)
            try:
                loan.begin()
                yield loan
            finally:
                loan.close()
                if not connection.closed:  # by the body
                    if loan.driver.closed or loan.driver.info.transaction_status != TransactionStatus.IDLE:
                        connection.invalidate()
                    connection.close()

    def close(self) -> None:
        """Those that are lent close when they come back."""
        with self._lock:
            if self._engine is not None:
                self._engine.dispose()

    def _connect(self) -> Connection:
        try:
            return self.engine.connect()
        except (SQLAlchemyError, psycopg.Error, OSError) as error:
            meaning, text = unconnected(error)
            raise Unavailable(f"{meaning}{self._scrub(text)}") from self._scrub.cause(error)

    @property
    def engine(self) -> Engine:
        """Made when it is needed, which many processes never do."""
        from squidie_storage_sql.postgresql.connections import DEFAULTS  # noqa: PLC0415  # it knows of loans

        with self._lock:
            if self._engine is None:
                arguments: dict[str, Any] = {k: v for k, v in DEFAULTS.items() if k not in self._url.query}
                if not self._options.prepared_statements:
                    arguments["prepare_threshold"] = None
                self._engine = create_engine(
                    self._url,
                    pool_size=self._options.transactions,
                    max_overflow=0,
                    pool_timeout=self._options.pool_timeout / 1000,
                    pool_use_lifo=True,
                    pool_pre_ping=True,
                    hide_parameters=True,
                    connect_args=arguments,
                )
            return self._engine


class PostgresqlLoan(Loan):
    """psycopg lets nobody commit or roll back within `Connection.transaction()`."""

    def __init__(self, connection: Connection, scrub: Scrubber) -> None:
        super().__init__(connection)
        self._driver = cast("psycopg.Connection[Any]", connection.connection.dbapi_connection)
        self._block = self._driver.transaction()
        self._entered = False
        self._scrub = scrub

    @property
    def driver(self) -> psycopg.Connection[Any]:
        """The connection of psycopg."""
        return self._driver

    def begin(self) -> None:
        """Open the transaction. Raises Unavailable."""
        self.connection.begin()
        try:
            self._block.__enter__()
        except psycopg.Error as error:
            raise Unavailable(f"no transaction can be opened: {self._scrub(words(error))}") from error
        self._entered = True

    def check_open(self) -> None:
        """Raise StorageError where the body has ended the transaction, or went on after an error."""
        status = self._driver.info.transaction_status
        if self._driver.broken:
            raise TransactionAborted("the connection was lost, and what its transaction wrote is gone")
        if self._driver.closed:
            raise ended()
        if status == TransactionStatus.INERROR:
            raise failed()
        if status != TransactionStatus.INTRANS:
            raise ended()

    def commit(self) -> None:
        """Commit; deferred constraints are checked now."""
        self._entered = False
        try:
            self._block.__exit__(None, None, None)
        except psycopg.Error as error:
            text, state = self._scrub(words(error)), error.sqlstate or ""
            cause = self._scrub.cause(error)
            if self._driver.closed or not state or state.startswith(_LOST):
                message = f"the connection was lost while a transaction was committed: {text}"
                raise Unavailable(message, outcome="unknown") from cause
            if state in _AGAIN:
                raise TransactionAborted(f"the transaction could not be committed: {text}") from cause
            details = {"sqlstate": state}
            raise StorageError(f"PostgreSQL does not commit this: {text}", code="refused", details=details) from cause

    def close(self) -> None:
        """Roll back what was not committed."""
        super().close()
        if self._entered:
            self._entered = False
            with suppress(psycopg.Error):  # a connection that is lost has rolled back
                self._block.__exit__(psycopg.Rollback, psycopg.Rollback(), None)
        if self.connection.in_transaction():
            with suppress(SQLAlchemyError, psycopg.Error):
                self.connection.rollback()
