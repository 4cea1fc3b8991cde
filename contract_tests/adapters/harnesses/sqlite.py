"""SQLite: one file for all worlds, each in a namespace of its own; the wire is around the connections' statements."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager
from functools import cache
from typing import Any, cast
from uuid import uuid4

from sqlalchemy import event

from adapters.harnesses.notes import NOTES, write_note
from squidie_contract import Capability, Cut, Died, Harness, Wire
from squidie_storage_sql import SqlStorage, open_sqlite
from squidie_storage_sql.sqlite.database import SqliteDatabase
from squidie_storage_sql.sqlite.lending import LentConnection


class SqliteHarness(Harness):
    """A file in write-ahead mode."""

    supports = Capability.CRASH_SAFE | Capability.SHARED_RESERVATIONS | Capability.HOST_TRANSACTIONS

    def __init__(self) -> None:
        self._namespace = uuid4().hex

    @property
    def url(self) -> str:
        return f"{_file()}?namespace={self._namespace}"

    def storage(self, wire: Wire) -> SqlStorage:
        storage = open_sqlite(self.url)
        database = cast("SqliteDatabase", storage.database)

        def connect(_dialect: object, _record: object, args: Sequence[Any], options: dict[str, Any]) -> _Connection:
            factory = _LentConnection if "factory" in options else _Connection
            connection = cast("_Connection", sqlite3.connect(*args, **{**options, "factory": factory}))
            connection.wire = wire
            return connection

        for engine in (database.connections.engine, database.lender.engine):
            event.listen(engine, "do_connect", connect)
        database.connections.engine.dispose()  # what opening used has no wire
        return storage

    @contextmanager
    def host_transaction(self) -> Generator[sqlite3.Connection]:
        connection = sqlite3.connect(_path(), timeout=0)
        try:
            with connection:
                yield connection
        finally:
            connection.close()

    def note(self, handle: object, word: str) -> None:
        write_note(handle, self._namespace, word)

    def notes(self) -> list[str]:
        with closing(sqlite3.connect(_path())) as connection:
            rows = connection.execute("select word from notes where world = ?", (self._namespace,))
            return [word for (word,) in rows]


class _Connection(sqlite3.Connection):
    """What the wire cuts is the file system; what a dead client held is given back, as the system would."""

    wire: Wire
    _waits = False

    def execute(self, statement: str, parameters: Any = ()) -> sqlite3.Cursor:
        if not hasattr(self, "wire") or self._waits or (self.in_transaction and statement != "commit"):
            return self._execute(statement, parameters)  # nobody else can tell these from the commit
        answer: sqlite3.Cursor | None = None
        try:
            with self.wire(statement.split(maxsplit=1)[0].lower()):
                if not statement.startswith("begin"):
                    answer = super().execute(statement, parameters)
            return self._execute(statement, parameters) if answer is None else answer
        except Cut as cut:
            if answer is not None:
                answer.close()  # as SQLite ends a statement that failed; left open, its view of the file stays
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR
            raise error from cut
        except Died:
            self.close()
            raise

    def _execute(self, statement: str, parameters: Any) -> sqlite3.Cursor:
        """Beside the wire: so is one that waits for a lock of somebody else's and asks again and again."""
        try:
            return super().execute(statement, parameters)
        finally:
            if statement.startswith("begin"):
                self._waits = not self.in_transaction


class _LentConnection(_Connection, LentConnection):
    """For bodies."""


@cache
def _file() -> str:
    url = f"sqlite:///{_path()}"
    open_sqlite.migrate(url)
    with closing(sqlite3.connect(_path())) as connection:
        connection.execute(NOTES)
    return url


def _path() -> str:
    return f"{_folder().name}/runs.db"


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="squidie-contract-", ignore_cleanup_errors=True)
