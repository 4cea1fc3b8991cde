"""Connections to one SQLite file, all set up alike."""

from __future__ import annotations

import random
import sqlite3
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar, cast

from sqlalchemy import create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import QueuePool

from squidie_core.errors import StorageError, Unavailable
from squidie_storage_sql.database import Transient
from squidie_storage_sql.sqlite.failures import failure

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from sqlalchemy.engine import URL
    from sqlalchemy.pool import PoolProxiedConnection

    from squidie_storage_sql.options import SqliteOptions

T = TypeVar("T")

_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.0005, 0.02
_JOURNAL_SIZE = 64 * 1024 * 1024


class Connections:
    """A few connections that read, and one more that writes."""

    def __init__(self, url: URL, options: SqliteOptions) -> None:
        self.engine = create_engine(
            url,
            poolclass=QueuePool,
            pool_size=options.pool_size + 1,
            max_overflow=0,
            pool_timeout=options.busy_timeout / 1000,
            pool_use_lifo=True,
            pool_reset_on_return=None,
            hide_parameters=True,
            connect_args={"isolation_level": None, "timeout": 0, "check_same_thread": False},
        )
        event.listen(self.engine, "connect", self._set_up)
        self._patience = options.busy_timeout / 1000
        self._synchronous = options.synchronous
        self._closed = False

    def checkout(self) -> PoolProxiedConnection:
        """A connection to give back. Raises Unavailable where none can be had."""
        self.check_open()
        try:
            return self.engine.raw_connection()
        except PoolTimeoutError as error:
            raise Unavailable("all connections of the pool are in use; raise pool_size") from error
        except sqlite3.Error as error:
            raise failure(error) from error
        except DBAPIError as error:
            raise failure(cast("Exception", error.orig)) from error

    def check_open(self) -> None:
        """Raise Unavailable once closed."""
        if self._closed:
            raise Unavailable("this storage is closed; open another one")

    @contextmanager
    def reading(self) -> Generator[sqlite3.Connection]:
        """A connection for the block."""
        pooled = self.checkout()
        try:
            yield cast("sqlite3.Connection", pooled.dbapi_connection)
        finally:
            pooled.close()

    def patiently(self, work: Callable[[], T]) -> T:
        """Do it, again and again while the database is busy; raise Unavailable when patience ends."""
        end = time.monotonic() + self._patience
        longest = _SHORTEST_PAUSE
        while True:
            try:
                return work()
            except (sqlite3.Error, OverflowError, UnicodeError) as error:
                meaning = failure(error)
                if not isinstance(meaning, Transient):
                    raise meaning from error
                if time.monotonic() >= end:
                    raise Unavailable(
                        f"the SQLite file was locked by another process for {self._patience:g} s, and nothing was "
                        "written; let that process finish, or raise busy_timeout"
                    ) from error
            longest = min(longest * 2, _LONGEST_PAUSE)
            time.sleep(random.uniform(_SHORTEST_PAUSE, longest))  # noqa: S311 -- spreads retries, guards nothing

    def close(self) -> None:
        """Connections that are in use close when they come back."""
        self._closed = True
        self.engine.dispose()

    def _set_up(self, connection: sqlite3.Connection, _record: object) -> None:
        mode = self._pragma(connection, "journal_mode = wal")
        if mode != "wal":
            raise StorageError(f"this file cannot be used with a write-ahead log (its journal mode is {mode})")
        self._pragma(connection, f"synchronous = {self._synchronous}")
        self._pragma(connection, f"journal_size_limit = {_JOURNAL_SIZE}")

    def _pragma(self, connection: sqlite3.Connection, setting: str) -> object:
        row: tuple[object] | None = self.patiently(lambda: connection.execute(f"pragma {setting}").fetchone())
        return row and row[0]
