"""The one connection of a process that writes to a file."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, cast
from weakref import WeakValueDictionary

from squidie_core.errors import Unavailable
from squidie_storage_sql.sqlite.failures import failure, left_undone

if TYPE_CHECKING:
    from collections.abc import Generator

    from sqlalchemy.pool import PoolProxiedConnection

    from squidie_core.errors import Outcome
    from squidie_storage_sql.sqlite.connections import Connections

_WRITING, _YIELD = 0.02, 0.001
"""After so many seconds of writing, other processes get a chance for so long: SQLite has no queue of writers."""


class Turn:
    """Whose turn it is to write to a file, among the threads of this process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.written = 0.0


_TURNS: WeakValueDictionary[str, Turn] = WeakValueDictionary()
_TURNS_LOCK = threading.Lock()


def turn_for(path: str) -> Turn:
    """The turn that all storages of this process share for the file."""
    with _TURNS_LOCK:
        turn = _TURNS.get(path)
        if turn is None:
            turn = _TURNS[path] = Turn()
        return turn


class Writer:
    """Transactions that have the write lock from their first statement."""

    def __init__(self, connections: Connections, turn: Turn, patience: float) -> None:
        self._connections = connections
        self._turn = turn
        self._patience = patience
        self._pooled: PoolProxiedConnection | None = None

    @contextmanager
    def transaction(self) -> Generator[sqlite3.Connection]:
        """Commit what the block wrote, or nothing if it raises.

        Raises Unavailable where others keep the lock, and with outcome `unknown` where the file system failed while
        committing; Rejected where the content cannot be stored.
        """
        if not self._turn.lock.acquire(timeout=self._patience):
            raise Unavailable("other threads of this process kept the SQLite file busy, and nothing was written")
        try:
            connection = self._connection()
            self._connections.patiently(lambda: connection.execute("begin immediate"))
            began = time.monotonic()
            try:
                yield connection
            except (sqlite3.Error, OverflowError, UnicodeError) as error:
                self._rollback(connection)
                raise failure(error) from error
            except BaseException:
                self._rollback(connection)
                raise
            self._commit(connection)
            self._pace(time.monotonic() - began)
        finally:
            self._turn.lock.release()

    def close(self) -> None:
        """Close the connection once nobody writes with it."""
        with self._turn.lock:
            self._drop()

    def _connection(self) -> sqlite3.Connection:
        if self._pooled is None:
            self._pooled = self._connections.checkout()
        return cast("sqlite3.Connection", self._pooled.dbapi_connection)

    def _commit(self, connection: sqlite3.Connection) -> None:
        try:
            connection.execute("commit")
        except sqlite3.Error as error:
            outcome: Outcome = "none" if left_undone(error) else "unknown"
            self._rollback(connection)
            raise Unavailable(f"SQLite could not commit: {error}", outcome=outcome) from error

    def _rollback(self, connection: sqlite3.Connection) -> None:
        with suppress(sqlite3.Error):  # the error that led here is the one to report
            if connection.in_transaction:
                connection.execute("rollback")
        if connection.in_transaction:
            self._drop()

    def _drop(self) -> None:
        if self._pooled is not None:
            self._pooled.invalidate()
        self._pooled = None

    def _pace(self, seconds: float) -> None:
        self._turn.written += seconds
        if self._turn.written > _WRITING:
            self._turn.written = 0.0
            time.sleep(_YIELD)
