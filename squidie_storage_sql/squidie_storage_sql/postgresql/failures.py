"""What psycopg and the pool raise, as the port's errors."""

from __future__ import annotations

import psycopg
from sqlalchemy.exc import DBAPIError, TimeoutError as PoolTimeoutError

from squidie_core.errors import Corrupt, SchemaError, StorageError, Unavailable
from squidie_storage_sql.database import Lost, Rejected, Transient

_TRANSIENT = ("40001", "40P01", "55P03", "57014")  # serialization, deadlock, lock timeout, statement timeout
_DUPLICATE = "23505"
_PERMANENT = ("22", "23", "54")  # data, integrity, program limits: the content cannot be stored
_CORRUPT = ("XX001", "XX002")
_NO_SCHEMA = ("42P01", "42703", "3F000")  # undefined table, column, schema
_UNAVAILABLE = (
    "08",
    "25006",
    "28",
    "3D",
    "53",
    "57",
    "58",
)  # connection, standby, login, database, resources, operator


def unconnected(error: Exception, scrubbed: str) -> StorageError:
    """No connection was had, so nothing was sent."""
    if isinstance(error, PoolTimeoutError):
        return Unavailable("all connections of the pool are in use; raise pool_size, or call from fewer threads")
    return Unavailable(f"PostgreSQL cannot be reached: {scrubbed}")


def driver_error(error: Exception) -> Exception:
    """The driver's own error, out of SQLAlchemy's wrapping."""
    return error.orig if isinstance(error, DBAPIError) and isinstance(error.orig, Exception) else error


def failure(error: Exception, scrubbed: str, *, connected: bool) -> Exception:
    """What a statement's error means: Lost, Transient, Rejected or an error of the port."""
    if not connected:
        return Lost(scrubbed)
    if not isinstance(error, psycopg.Error):  # values that cannot even be sent: lone surrogates, too large integers
        return Rejected(StorageError(f"PostgreSQL cannot store this: {scrubbed}", code="refused"))
    return _by_state(error.sqlstate, scrubbed, isinstance(error, psycopg.DataError))


def _by_state(state: str | None, scrubbed: str, invalid: bool) -> Exception:  # noqa: FBT001 -- a fact, not a switch
    if state is None:
        if invalid:
            return Rejected(StorageError(f"PostgreSQL cannot store this: {scrubbed}", code="refused"))
        return StorageError(f"PostgreSQL refused the request: {scrubbed}")
    if state in _TRANSIENT:
        return Transient(scrubbed)
    if state.startswith(_PERMANENT):
        refusal = StorageError(f"PostgreSQL cannot store this: {scrubbed}", code="refused", details={"sqlstate": state})
        return Rejected(refusal, duplicate=state == _DUPLICATE)
    if state in _CORRUPT:
        return Corrupt(f"PostgreSQL reports damaged data: {scrubbed}", details={"sqlstate": state})
    if state in _NO_SCHEMA:
        return SchemaError(f"Squidie's tables are missing or incomplete ({scrubbed}); run `squidie migrate`")
    if state.startswith(_UNAVAILABLE):
        return Unavailable(f"PostgreSQL cannot serve the request now: {scrubbed}", details={"sqlstate": state})
    return StorageError(f"PostgreSQL refused the request: {scrubbed}", details={"sqlstate": state})
