"""PostgreSQL within a transaction of the host's: the same statements on the host's connection, each of them once."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row

from squidie_core.errors import NotSupported, SchemaError, StorageError, TransactionAborted
from squidie_storage_sql.database import Lost, Rejected, Transient
from squidie_storage_sql.handles import over, refused
from squidie_storage_sql.postgresql.damage import damaged_rows
from squidie_storage_sql.postgresql.database import PostgresqlDatabase
from squidie_storage_sql.postgresql.failures import failure, is_stale, words
from squidie_storage_sql.postgresql.statements import WHEREABOUTS, statements
from squidie_storage_sql.tables import in_schema

if TYPE_CHECKING:
    from typing import NoReturn

    from squidie_core.adapters.scrubbing import Scrubber
    from squidie_storage_sql.database import Database, Parameters, Row
    from squidie_storage_sql.handles import Handle

_FAILED = "25P02"
_OPEN = (TransactionStatus.INTRANS, TransactionStatus.INERROR)


class JoinedPostgresql(PostgresqlDatabase):
    """The statements of commands, on a connection that is somebody else's. For one thread at a time.

    They name the tables' schema: the search path is the host's, who may change it within the transaction.
    """

    def __init__(
        self, outer: PostgresqlDatabase, handle: Handle[psycopg.Connection[Any]], schema: str | None, scrub: Scrubber
    ) -> None:
        self.schema = schema
        self.statements = statements(schema)
        self.shared = outer.shared
        self._outer = outer
        self._handle = handle
        self._scrub = scrub

    @property
    def blobs(self) -> Database:
        """A pool's connection: whoever else writes the same blob would wait for the host's transaction to end."""
        return self._outer

    def write(self, statement: str, parameters: Parameters) -> list[Row]:
        """Once: what fails ends the transaction."""
        return self.rows(statement, self._bound(parameters))

    def rows(self, statement: str, parameters: Parameters) -> list[Row]:
        """One round trip. Raises TransactionAborted where the transaction cannot go on."""
        self.check_open()
        return self.ask(statement, parameters)

    def ask(self, statement: str, parameters: Parameters) -> list[Row]:
        """The same, also where the statement is what begins the transaction."""
        try:
            cursor = psycopg.Cursor(self._handle.driver, row_factory=tuple_row)
            cursor.execute(statement.encode(), parameters, binary=True)
            try:
                return cursor.fetchall()
            except UnicodeDecodeError:
                return damaged_rows(cursor)
        except (psycopg.Error, ValueError, ArithmeticError, OSError, struct.error) as error:
            self._raise(error)

    def check_open(self) -> None:
        """Raise where what is written now would not be the transaction's."""
        self._handle.check()
        check_status(self._handle.driver)
        if self._handle.driver.info.transaction_status == TransactionStatus.IDLE:
            raise over()

    def _raise(self, error: Exception) -> NoReturn:
        meaning = failure(error, self._scrub(words(error)), connected=not self._handle.driver.closed)
        cause = self._scrub.cause(error)
        if is_stale(error):
            raise refused("can only read; roll it back, and open one that may write") from cause
        if isinstance(meaning, (Lost, Transient, Rejected)):
            raise TransactionAborted(f"the transaction cannot go on, roll it back: {meaning}") from cause
        if isinstance(meaning, StorageError) and meaning.details.get("sqlstate") == _FAILED:
            raise _failed_before() from cause
        raise meaning from cause

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


def join(handle: Handle[psycopg.Connection[Any]], outer: PostgresqlDatabase, scrub: Scrubber) -> JoinedPostgresql:
    """Take part in the handle's transaction, which the driver begins by itself with the first statement.

    Raises what `squidie_core.ports.HostTransactions.within` says.
    """
    check_status(handle.driver)
    handle.begin()
    found = tuple(JoinedPostgresql(outer, handle, outer.schema, scrub).ask(in_schema(WHEREABOUTS, outer.schema), {})[0])
    if found[0] is None:
        raise SchemaError(
            "transaction: Squidie's tables are not there where this connection leads; connect to the database that "
            "holds the runs, with its search path, or run `squidie migrate URL` there",
            details={"option": "transaction"},
        )
    if found != outer.home() and found != outer.home(again=True):
        raise refused("leads to another database or schema than the runs are in; connect to that of the storage's URL")
    return JoinedPostgresql(outer, handle, found[0], scrub)


def check_status(host: psycopg.Connection[Any]) -> None:
    """Raise where no transaction is open, or can be opened by a statement, or the one that is has failed."""
    status = host.info.transaction_status
    if host.closed:
        raise TransactionAborted("the connection is closed, and what its transaction wrote is gone")
    if status == TransactionStatus.INERROR:
        raise _failed_before()
    if host.autocommit and status not in _OPEN:
        raise refused(
            "is a connection that commits each statement by itself, with no transaction open; open one first: "
            "with connection.transaction(): ..."
        )


def _failed_before() -> TransactionAborted:
    return TransactionAborted("the transaction has failed before; roll it back, and do all of it again")


def _not_here(what: str) -> NotSupported:
    return NotSupported(f"{what} is nothing for a transaction of the host's; call it on the storage itself")
