"""The one connection of a process that writes to a file."""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TypeVar, cast
from weakref import WeakValueDictionary

from squidie_core.errors import Unavailable
from squidie_storage_sql.database import Transient
from squidie_storage_sql.sqlite.failures import failure

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine
    from sqlalchemy.pool import PoolProxiedConnection

T = TypeVar("T")

_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.0005, 0.02
_WRITING, _YIELD = 0.02, 0.001
"""After so many seconds of writing, others get a chance for so long: SQLite itself has no queue of writers."""


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


def patiently(work: Callable[[], T], patience: float) -> T:
    """Do it, again and again for `patience` seconds while the database is busy; then raise Unavailable."""
    end = time.monotonic() + patience
    longest = _SHORTEST_PAUSE
    while True:
        try:
            return work()
        except sqlite3.Error as error:
            meaning = failure(error)
            if not isinstance(meaning, Transient):
                raise meaning from error
            if time.monotonic() >= end:
                raise Unavailable(
                    f"the SQLite file was locked by another process for {patience:g} s; nothing was written. "
                    "Let that process finish, or raise busy_timeout"
                ) from error
        longest = min(longest * 2, _LONGEST_PAUSE)
        time.sleep(random.uniform(_SHORTEST_PAUSE, longest))  # noqa: S311 -- spreads retries, guards nothing


class Writer:
    """Transactions that hold the write lock from their first statement."""

    def __init__(self, engine: Engine, turn: Turn, patience: float) -> None:
        self._engine = engine
        self._turn = turn
        self._patience = patience
        self._pooled: PoolProxiedConnection | None = None

    @contextmanager
    def transaction(self) -> Generator[sqlite3.Connection]:
        """Commit what the block wrote, or nothing if it raises.

        Raises Unavailable, with outcome `unknown` where the file system failed while committing.
        """
        if not self._turn.lock.acquire(timeout=self._patience):
            raise Unavailable("other threads of this process kept the SQLite file busy; nothing was written")
        try:
            connection = self._connection()
            patiently(lambda: connection.execute("begin immediate"), self._patience)
            began = time.monotonic()
            try:
                yield connection
            except BaseException as error:
                self._rollback(connection)
                if isinstance(error, (sqlite3.Error, OverflowError, UnicodeError)):
                    raise failure(error) from error
                raise
            self._commit(connection)
            self._pace(time.monotonic() - began)
        finally:
            self._turn.lock.release()

    def close(self) -> None:
        """Close the connection once nobody writes with it."""
        with self._turn.lock:
            if self._pooled is not None:
                self._pooled.invalidate()
            self._pooled = None

    def _connection(self) -> sqlite3.Connection:
        if self._pooled is None:
            self._pooled = self._engine.raw_connection()
        return cast("sqlite3.Connection", self._pooled.dbapi_connection)

    def _commit(self, connection: sqlite3.Connection) -> None:
        try:
            connection.execute("commit")
        except sqlite3.Error as error:
            undone = connection.in_transaction
            self._rollback(connection)
            meaning = failure(error)
            if isinstance(meaning, Transient) or undone:
                raise Unavailable(f"SQLite could not commit: {error}") from error
            raise Unavailable(f"SQLite failed while committing: {error}", outcome="unknown") from error

    def _rollback(self, connection: sqlite3.Connection) -> None:
        with suppress(sqlite3.Error):  # the first error is the one to report; a new connection starts clean
            connection.execute("rollback")
        if connection.in_transaction and self._pooled is not None:
            self._pooled.invalidate()
            self._pooled = None

    def _pace(self, seconds: float) -> None:
        self._turn.written += seconds
        if self._turn.written > _WRITING:
            self._turn.written = 0.0
            time.sleep(_YIELD)
