"""What sqlite3 raises, as the port's errors."""

from __future__ import annotations

import sqlite3

from squidie_core.errors import Corrupt, SchemaError, StorageError, Unavailable
from squidie_storage_sql.database import Rejected, Transient

_CORRUPT = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_UNAVAILABLE = (
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY,  # as a file system becomes after errors
)
_DUPLICATE = (sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_UNIQUE)
_PRIMARY = 0xFF
"""The low byte of an extended result code is the primary one."""


def failure(error: Exception) -> Exception:
    """What an error means: Transient (busy), Rejected (content that cannot be stored) or an error of the port."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    primary = code & _PRIMARY
    if not isinstance(error, sqlite3.Error):  # integers beyond 64 bits, lone surrogates
        meaning: Exception = Rejected(StorageError(f"SQLite cannot store this: {error}", code="refused"))
    elif primary in _BUSY:
        meaning = Transient(str(error))
    elif primary in _CORRUPT:
        meaning = Corrupt(f"the SQLite file cannot be read ({error}); restore it from a backup")
    elif primary in _UNAVAILABLE:
        meaning = Unavailable(f"SQLite cannot use its file now: {error}")
    elif isinstance(error, (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.InterfaceError)):
        refusal = StorageError(f"SQLite cannot store this: {error}", code="refused")
        meaning = Rejected(refusal, duplicate=code in _DUPLICATE)
    elif "no such" in str(error):
        meaning = SchemaError(
            f"Squidie's tables are missing, incomplete or newer than this client ({error}); "
            "run `squidie migrate URL`, or upgrade squidie-storage-sql"
        )
    else:
        meaning = StorageError(f"SQLite refused the request: {error}")
    return meaning


def left_undone(error: sqlite3.Error) -> bool:
    """Whether a commit that failed like this certainly had no effect."""
    return error.sqlite_errorcode & _PRIMARY in (*_BUSY, sqlite3.SQLITE_FULL)


def is_stale(error: sqlite3.Error) -> bool:
    """Whether a transaction wanted to write that has read what is not the newest any more."""
    return getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_BUSY_SNAPSHOT


def is_undecodable(error: sqlite3.OperationalError) -> bool:
    """Whether a row holds text that is none; sqlite3 has no code for that."""
    return str(error).startswith("Could not decode to UTF-8")
