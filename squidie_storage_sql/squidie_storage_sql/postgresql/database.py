"""PostgreSQL: every request is one statement on a pooled connection, and a lost one is repeated."""

from __future__ import annotations

import random
import threading
import time
from itertools import count
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import create_engine, event
from sqlalchemy.exc import SQLAlchemyError

import psycopg
from squidie_core.errors import StorageError, Unavailable
from squidie_core.journal.commit import COMMITTED
from squidie_core.ports import Capabilities
from squidie_storage_sql.committing import MAX_APPENDS
from squidie_storage_sql.database import Lost, Rejected, Transient
from squidie_storage_sql.judging import judge, next_revs, standings
from squidie_storage_sql.postgresql.arrays import Int8Array, TextArray, append_arrays, register, start_arrays
from squidie_storage_sql.postgresql.failures import driver_error, failure, unconnected
from squidie_storage_sql.postgresql.migrating import migrate
from squidie_storage_sql.postgresql.statements import statements

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import LiteralString

    from sqlalchemy.engine import URL
    from sqlalchemy.pool import PoolProxiedConnection

    from squidie_core.journal.commit import Commit, CommitResult
    from squidie_storage_sql.database import Parameters, Row
    from squidie_storage_sql.migrations import MigrationReport
    from squidie_storage_sql.options import PostgresqlOptions
    from squidie_storage_sql.scrubbing import Scrubber

CAPABILITIES = Capabilities(name="postgresql", max_appends=MAX_APPENDS)

_ATTEMPTS = 4
_SETS = (list, tuple)
_LONGEST_PAUSE = 0.1


def _register(connection: psycopg.Connection[Row], _record: object) -> None:
    register(connection)


class PostgresqlDatabase:
    """A bounded pool of connections in autocommit; nothing depends on the state of a session."""

    capabilities = CAPABILITIES
    shares_transactions = False

    def __init__(self, url: URL, options: PostgresqlOptions, scrub: Scrubber) -> None:
        self.schema = options.schema
        self.statements = statements(options.schema)
        self._shared = {
            "namespace": options.namespace,
            "lock_timeout": f"{options.lock_timeout}ms",
        }
        self._prepare = options.prepared_statements
        self._scrub = scrub
        self._renewing = threading.Lock()
        self.engine = create_engine(
            url,
            isolation_level="AUTOCOMMIT",
            pool_size=options.pool_size,
            max_overflow=0,
            pool_timeout=options.pool_timeout,
            pool_use_lifo=True,
            pool_reset_on_return=None,
            hide_parameters=True,
            use_native_hstore=False,
            connect_args={"fallback_application_name": "squidie", "prepare_threshold": None},
        )
        event.listen(self.engine, "connect", _register)
        self._closed = False

    def clock(self) -> int:
        """One round trip."""
        now: int = self.read(self.statements.clock, {})[0][0]
        return now

    def read(self, statement: str, parameters: Parameters) -> list[Row]:
        """Repeated on a new connection if the one it had is lost."""
        try:
            return self._run(statement, parameters)
        except Unavailable as error:
            raise Unavailable(error.message) from error.__cause__

    def write(self, statement: str, parameters: Parameters) -> list[Row]:
        """The same; what cannot be repeated safely is not written here."""
        return self._run(statement, parameters)

    def due(self, parameters: Parameters, *, oldest_first: bool) -> list[Row]:
        """One round trip, with the small threads in it."""
        statement = self.statements.due_oldest if oldest_first else self.statements.due
        return self._run(statement, parameters)

    def commit(self, commits: Sequence[Commit]) -> list[CommitResult]:
        """One round trip where all is accepted, one more where something is not, one more where runs are nudged."""
        try:
            accepted = self._append(commits)
        except Rejected as rejected:
            if not (rejected.duplicate and len(commits) == 1):
                raise
            accepted = set[str]()
        try:
            results = self._results(commits, accepted)
            self._nudge(commits, results)
        except Unavailable as error:
            raise Unavailable(error.message, outcome="unknown") from error.__cause__
        return results

    def _append(self, commits: Sequence[Commit]) -> set[str]:
        appends = [append for commit in commits for append in commit.appends]
        if len(appends) > len(commits):
            rows = self._run(self.statements.append_together, start_arrays(appends))
        elif any(append.expected.rev == 0 for append in appends):
            rows = self._run(self.statements.append_or_start, start_arrays(appends))
        else:
            rows = self._run(self.statements.append, append_arrays(appends))
        return {thread_id for (thread_id,) in rows}

    def _results(self, commits: Sequence[Commit], accepted: set[str]) -> list[CommitResult]:
        left = [commit for commit in commits if commit.appends[0].thread_id not in accepted]
        if not left:
            return [COMMITTED] * len(commits)
        known = standings(self.read(self.statements.standings, {"wanted": next_revs(left)}))
        return [COMMITTED if c.appends[0].thread_id in accepted else judge(c, known) for c in commits]

    def _nudge(self, commits: Sequence[Commit], results: Sequence[CommitResult]) -> None:
        done = (commit for commit, result in zip(commits, results, strict=True) if result is COMMITTED)
        nudged = sorted({thread_id for commit in done for thread_id in commit.nudges})
        if nudged:
            self._run(self.statements.nudge, {"thread_ids": nudged})

    def migrate(self) -> MigrationReport:
        """Bring the tables to the newest version."""
        pool = self.engine.pool
        pooled = self._checkout()
        connection = cast("psycopg.Connection[Row]", pooled.dbapi_connection)
        try:
            report = migrate(connection, self.engine.dialect, self.schema)
        except Exception as error:
            connected = not connection.closed
            self._give_up(pooled, pool, connected=connected)
            raise self._final(failure(error, self._scrub(str(error)), connected=connected)) from self._scrub.cause(
                error
            )
        pooled.close()
        return report

    def names(self, stored: Any) -> tuple[str, ...]:
        """An array."""
        return tuple(stored)

    def close(self) -> None:
        """Connections that are in use close when they come back."""
        self._closed = True
        self.engine.dispose()

    def _run(self, statement: str, parameters: Parameters) -> list[Row]:
        """The statement's rows; it is repeated after a lost connection or a transient failure, a few times.

        Raises Unavailable with outcome `unknown` where a request was sent whose answer never came.
        """
        bound = self._bound(parameters)
        sent = False
        for attempt in count(1):
            try:
                return self._run_once(statement, bound)
            except (Lost, Transient, Unavailable) as error:
                sent = sent or isinstance(error, Lost)
                hopeless = isinstance(error, Unavailable) and not sent
                if hopeless or attempt == _ATTEMPTS:
                    raise Unavailable(str(error), outcome="unknown" if sent else "none") from error.__cause__
            time.sleep(random.uniform(0, _LONGEST_PAUSE) * attempt)  # noqa: S311 -- spreads retries, guards nothing
        raise AssertionError

    def _run_once(self, statement: str, parameters: Parameters) -> list[Row]:
        pool = self.engine.pool
        pooled = self._checkout()
        connection = cast("psycopg.Connection[Row]", pooled.dbapi_connection)
        try:
            cursor = connection.execute(
                cast("LiteralString", statement), parameters, prepare=self._prepare, binary=True
            )
            rows = cursor.fetchall()
        except Exception as error:
            connected = not connection.closed
            self._give_up(pooled, pool, connected=connected)
            raise failure(error, self._scrub(str(error)), connected=connected) from self._scrub.cause(error)
        pooled.close()
        return rows

    def _checkout(self) -> PoolProxiedConnection:
        if self._closed:
            raise Unavailable("this storage is closed; open another one")
        try:
            return self.engine.raw_connection()
        except (SQLAlchemyError, psycopg.Error, OSError) as error:
            cause = driver_error(error)
            raise unconnected(cause, self._scrub(str(cause))) from self._scrub.cause(cause)

    def _give_up(self, pooled: PoolProxiedConnection, pool: object, *, connected: bool) -> None:
        """Give the connection back; a lost one means that its idle neighbours are lost too."""
        if connected:
            pooled.close()
            return
        pooled.invalidate()
        with self._renewing:
            if self.engine.pool is pool:
                self.engine.dispose()

    def _bound(self, parameters: Parameters) -> dict[str, Any]:
        bound: dict[str, Any] = dict(self._shared)
        for name, value in parameters.items():
            if name == "wanted":
                bound["thread_ids"] = TextArray([thread_id for thread_id, _ in value])
                bound["revs"] = Int8Array([rev for _, rev in value])
            else:
                bound[name] = TextArray(value) if type(value) in _SETS else value
        return bound
