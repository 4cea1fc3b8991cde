"""PostgreSQL within a transaction of the host's: the same statements on the host's connection, each of them once."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row

from squidie_core.errors import NotSupported, SchemaError, StorageError, TransactionAborted
from squidie_storage_sql.database import Lost, Rejected, Transient
from squidie_storage_sql.handles import refused
from squidie_storage_sql.postgresql.damage import damaged_rows
from squidie_storage_sql.postgresql.database import PostgresqlDatabase
from squidie_storage_sql.postgresql.failures import failure, words
from squidie_storage_sql.postgresql.statements import WHEREABOUTS
from squidie_storage_sql.tables import in_schema

if TYPE_CHECKING:
    from typing import NoReturn

    from squidie_core.adapters.scrubbing import Scrubber
    from squidie_storage_sql.database import Database, Parameters, Row
    from squidie_storage_sql.handles import Handle

_FAILED = "25P02"
_OPEN = (TransactionStatus.INTRANS, TransactionStatus.INERROR)


class JoinedPostgresql(PostgresqlDatabase):
    """The statements of commands, on a connection that is somebody else's. For one thread at a time."""

    def __init__(self, outer: PostgresqlDatabase, connection: psycopg.Connection[Any], scrub: Scrubber) -> None:
        self.schema = outer.schema
        self.statements = outer.statements
        self.shared = outer.shared
        self._outer = outer
        self._host = connection
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
        host = self._host
        self.check_open()
        try:
            cursor = psycopg.Cursor(host, row_factory=tuple_row)
            cursor.execute(statement.encode(), parameters, binary=True)
            try:
                return cursor.fetchall()
            except UnicodeDecodeError:
                return damaged_rows(cursor)
        except (psycopg.Error, ValueError, ArithmeticError, OSError, struct.error) as error:
            self._raise(error)

    def check_open(self) -> None:
        """Raise where what is written now would not be the transaction's."""
        host = self._host
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

    def _raise(self, error: Exception) -> NoReturn:
        meaning = failure(error, self._scrub(words(error)), connected=not self._host.closed)
        cause = self._scrub.cause(error)
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


def check_home(joined: JoinedPostgresql, handle: Handle[psycopg.Connection[Any]], outer: PostgresqlDatabase) -> None:
    """Raise unless the handle leads to the tables that the storage works on, in a transaction that can go on."""
    joined.check_open()
    handle.begin()
    found = tuple(joined.rows(in_schema(WHEREABOUTS, outer.schema), {})[0])
    if found[0] is None:
        raise SchemaError(
            "transaction: Squidie's tables are not there where this connection leads; connect to the database that "
            "holds the runs, with its search path, or run `squidie migrate URL` there",
            details={"option": "transaction"},
        )
    if found != outer.home() and found != outer.home(again=True):
        raise refused("leads to another database or schema than the runs are in; connect to that of the storage's URL")


def _failed_before() -> TransactionAborted:
    return TransactionAborted("the transaction has failed before; roll it back, and do all of it again")


def _not_here(what: str) -> NotSupported:
    return NotSupported(f"{what} is nothing for a transaction of the host's; call it on the storage itself")
