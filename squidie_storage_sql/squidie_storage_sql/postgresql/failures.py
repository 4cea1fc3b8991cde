"""What psycopg and the pool raise, as the port's errors."""

from __future__ import annotations

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from squidie_core.errors import Corrupt, SchemaError, StorageError, Unavailable
from squidie_storage_sql.database import Lost, Rejected, Transient

_READ_ONLY = "25006"
_TRANSIENT = ("40001", "40P01", "55P03", "57014", _READ_ONLY)  # serialization, deadlock, lock or statement time-out
_DUPLICATE = "23505"
_PERMANENT = ("22", "23", "54")  # data, integrity, program limits: this content cannot be stored
_CORRUPT = ("XX001", "XX002")
_NO_SCHEMA = ("42P01", "42703", "3F000")  # undefined table, column, schema
_UNAVAILABLE = ("08", "28", "3D", "53", "57", "58")  # connection, login, database, resources, ...


def unconnected(error: Exception) -> tuple[str, str]:
    """Why no connection was had: our words, and the driver's."""
    if isinstance(error, PoolTimeoutError):
        return "all connections of the pool are in use; raise pool_size, or call from fewer threads", ""
    return "PostgreSQL cannot be reached: ", str(error.orig if isinstance(error, DBAPIError) else error)


def is_stale(error: Exception) -> bool:
    """Whether another connection might do: this one leads to a standby, or was made when nothing could be written."""
    return isinstance(error, psycopg.Error) and error.sqlstate == _READ_ONLY


def words(error: Exception) -> str:
    """What the server said, without the place in the statement, or what the driver did."""
    return (error.diag.message_primary if isinstance(error, psycopg.Error) else None) or str(error)


def failure(error: Exception, text: str, *, connected: bool) -> Exception:
    """What a statement's error means: Lost, Transient, Rejected or an error of the port. `text` is fit to be shown."""
    if not connected:
        return Lost(f"the connection to PostgreSQL was lost: {text}")
    state = error.sqlstate if isinstance(error, psycopg.Error) else None
    details = {"sqlstate": state} if state else {}
    if state is None:
        meaning = _without_state(error, text)
    elif state in _TRANSIENT:
        meaning = Transient(f"PostgreSQL could not do it now: {text}")
    elif state.startswith(_PERMANENT):
        refusal = StorageError(f"PostgreSQL cannot store this: {text}", code="refused", details=details)
        meaning = Rejected(refusal, duplicate=state == _DUPLICATE)
    elif state in _CORRUPT:
        meaning = Corrupt(f"PostgreSQL reports damaged data: {text}", details=details)
    elif state in _NO_SCHEMA:
        meaning = SchemaError(
            f"Squidie's tables are missing, incomplete or newer than this client ({text}); "
            "run `squidie migrate URL`, or upgrade squidie-storage-sql"
        )
    elif state.startswith(_UNAVAILABLE):
        meaning = Unavailable(f"PostgreSQL cannot serve the request now: {text}", details=details)
    else:
        meaning = StorageError(f"PostgreSQL refused the request: {text}", details=details)
    return meaning


def _without_state(error: Exception, text: str) -> Exception:
    """An error of the client's side: values that cannot even be sent, or a statement that is wrong."""
    if isinstance(error, psycopg.Error) and not isinstance(error, psycopg.DataError):
        return StorageError(f"PostgreSQL refused the request: {text}")
    return Rejected(StorageError(f"PostgreSQL cannot store this: {text}", code="refused"))
