"""What sqlite3 raises, as the port's errors."""

from __future__ import annotations

import sqlite3

from squidie_core.errors import Corrupt, SchemaError, StorageError, Unavailable
from squidie_storage_sql.database import Rejected, Transient

_CORRUPT = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_UNAVAILABLE = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM)
_DUPLICATE = (sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_UNIQUE)
_PRIMARY = 0xFF
"""The low byte of an extended result code is the primary one."""


def failure(error: Exception) -> Exception:
    """What an error means: Transient (busy), Rejected (content that cannot be stored) or an error of the port."""
    if not isinstance(error, sqlite3.Error):  # integers over 64 bits, lone surrogates
        return Rejected(StorageError(f"SQLite cannot store this: {error}", code="refused"))
    code = getattr(error, "sqlite_errorcode", 0)
    primary = code & _PRIMARY
    if primary in _BUSY:
        return Transient(str(error))
    if primary in _CORRUPT:
        return Corrupt(f"the SQLite file cannot be read: {error}; restore it from a backup")
    if primary in _UNAVAILABLE:
        return Unavailable(f"SQLite cannot use its file now: {error}")
    if isinstance(error, (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.InterfaceError)):
        refusal = StorageError(f"SQLite cannot store this: {error}", code="refused")
        return Rejected(refusal, duplicate=code in _DUPLICATE)
    if primary == sqlite3.SQLITE_ERROR and "no such" in str(error):
        return SchemaError(f"Squidie's tables are missing or incomplete ({error}); run `squidie migrate`")
    return StorageError(f"SQLite refused the request: {error}")
