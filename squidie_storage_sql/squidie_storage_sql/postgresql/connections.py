"""The pool of connections, and what happens to a statement whose connection is lost."""

from __future__ import annotations

import random
import struct
import threading
import time
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar, cast

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import create_engine, event
from sqlalchemy.exc import SQLAlchemyError

from squidie_core.errors import Unavailable
from squidie_storage_sql.database import Lost, Transient
from squidie_storage_sql.postgresql.arrays import register
from squidie_storage_sql.postgresql.damage import damaged_rows
from squidie_storage_sql.postgresql.failures import failure, is_stale, unconnected, words

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from sqlalchemy.engine import URL
    from sqlalchemy.pool import Pool, PoolProxiedConnection

    from squidie_core.adapters.scrubbing import Scrubber
    from squidie_storage_sql.database import Parameters, Row
    from squidie_storage_sql.options import PostgresqlOptions

T = TypeVar("T")

_ATTEMPTS = 4
_LONGEST_PAUSE = 0.1
_PREPARE_AT_ONCE = 0

DEFAULTS = {
    "fallback_application_name": "squidie",
    "connect_timeout": "10",
    # A peer that vanished without a word is noticed in half a minute instead of a quarter of an hour.
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}
"""What libpq is told where the URL does not say otherwise."""


class Session:
    """A connection in use."""

    __slots__ = ("connection",)

    def __init__(self, connection: psycopg.Connection[Row]) -> None:
        self.connection = connection

    def rows(self, statement: str, parameters: Parameters) -> list[Row]:
        """One round trip."""
        cursor = self.connection.execute(statement.encode(), parameters, binary=True)
        try:
            return cursor.fetchall()
        except UnicodeDecodeError:
            return damaged_rows(cursor)


class Connections:
    """Connections in autocommit. Nothing depends on the state of a session, so any pooler may stand in between."""

    def __init__(self, url: URL, options: PostgresqlOptions, scrub: Scrubber) -> None:
        defaults: dict[str, Any] = {name: value for name, value in DEFAULTS.items() if name not in url.query}
        self.engine = create_engine(
            url,
            isolation_level="AUTOCOMMIT",
            pool_size=options.pool_size,
            max_overflow=0,
            pool_timeout=options.pool_timeout / 1000,
            pool_use_lifo=True,
            pool_reset_on_return=None,
            hide_parameters=True,
            use_native_hstore=False,
            connect_args={**defaults, "prepare_threshold": _PREPARE_AT_ONCE if options.prepared_statements else None},
        )
        event.listen(self.engine, "connect", _set_up)
        self._scrub = scrub
        self._renewing = threading.Lock()
        self._closed = False

    def run(self, work: Callable[[Session], T]) -> T:
        """Do it on a connection; it is repeated after a lost connection or a transient failure, a few times.

        Raises Unavailable with outcome `unknown` where a request was sent whose answer never came.
        """
        sent = False
        for attempt in count(1):
            try:
                with self.connection() as connection:
                    return work(Session(connection))
            except (Lost, Transient, Unavailable) as error:
                sent = sent or isinstance(error, Lost)
                hopeless = isinstance(error, Unavailable) and not sent
                if hopeless or attempt == _ATTEMPTS:
                    raise Unavailable(str(error), outcome="unknown" if sent else "none") from error.__cause__
            time.sleep(random.uniform(0, _LONGEST_PAUSE) * attempt)  # noqa: S311 -- spreads retries, guards nothing
        raise AssertionError

    @contextmanager
    def connection(self) -> Generator[psycopg.Connection[Row]]:
        """A connection for the block.

        What psycopg raises in it becomes Lost, Transient, Rejected or an error of the port. Raises Unavailable where
        none can be had.
        """
        pool = self.engine.pool
        pooled = self._checkout(pool)
        connection = cast("psycopg.Connection[Row]", pooled.dbapi_connection)
        try:
            yield connection
        except (psycopg.Error, ValueError, ArithmeticError, OSError, struct.error) as error:
            connected = not connection.closed
            if not connected or is_stale(error):
                self._forget(pool)
            raise failure(error, self._scrub(words(error)), connected=connected) from self._scrub.cause(error)
        finally:
            if connection.pgconn.transaction_status == TransactionStatus.IDLE and self.engine.pool is pool:
                pooled.close()
            else:  # broken, left within a transaction, or from a pool that was renewed or closed meanwhile
                pooled.invalidate()

    def check_open(self) -> None:
        """Raise Unavailable once closed."""
        if self._closed:
            raise Unavailable("this storage is closed; open another one")

    def close(self) -> None:
        """Connections that are in use close when they come back."""
        self._closed = True
        self.engine.dispose()

    def _checkout(self, pool: Pool) -> PoolProxiedConnection:
        self.check_open()
        try:
            return pool.connect()
        except (SQLAlchemyError, psycopg.Error, OSError) as error:
            meaning, text = unconnected(error)
            raise Unavailable(f"{meaning}{self._scrub(text)}") from self._scrub.cause(error)

    def _forget(self, pool: Pool) -> None:
        """A connection is of no use, and neither are its idle neighbours; the first to notice renews the pool."""
        with self._renewing:
            if self.engine.pool is pool:
                self.engine.dispose()


def ignore(_: psycopg.Notify) -> None:
    """Forget a notification that is somebody else's, as a pooler may deliver it; psycopg would keep it for ever."""


# The planner would plan anew for each execution, since it knows the sizes of the sets then; all its plans are alike.
# Behind a pooler the setting would stay with a connection of the server's that others use too; there the backend is
# another one than the pooler says.
_PLAN_ONCE = "select set_config('plan_cache_mode', 'force_generic_plan', false) where pg_backend_pid() = %s"


def _set_up(connection: psycopg.Connection[Row], _record: object) -> None:
    register(connection)
    connection.add_notify_handler(ignore)
    connection.execute(_PLAN_ONCE, (connection.info.backend_pid,), prepare=False)
