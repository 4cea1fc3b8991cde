"""SQLite: reads on connections of their own, writes one after the other on one connection."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import QueuePool

from squidie_core.errors import Unavailable
from squidie_core.journal.commit import COMMITTED, Busy
from squidie_core.ports import Capabilities
from squidie_storage_sql.committing import MAX_APPENDS
from squidie_storage_sql.judging import judge, next_revs, standings
from squidie_storage_sql.migrations import CLIENT_VERSION, VERSION, MigrationReport, script
from squidie_storage_sql.sqlite.failures import failure
from squidie_storage_sql.sqlite.statements import STATEMENTS
from squidie_storage_sql.sqlite.writer import Writer, patiently, turn_for

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from sqlalchemy.engine import URL
    from sqlalchemy.pool import PoolProxiedConnection

    from squidie_core.journal.commit import Append, Commit, CommitResult
    from squidie_storage_sql.database import Parameters, Row
    from squidie_storage_sql.options import SqliteOptions

CAPABILITIES = Capabilities(name="sqlite", local_clock=True, max_appends=MAX_APPENDS)

_EXISTS = "select 1 from sqlite_master where type = 'table' and name = 'squidie_schema'"
_JOURNAL_SIZE = 64 * 1024 * 1024
_NO_COMMIT = (None,) * 5


class SqliteDatabase:
    """One file in WAL mode. Locks of other processes are waited for with jitter, up to `busy_timeout`."""

    capabilities = CAPABILITIES
    statements = STATEMENTS
    shares_transactions = True
    schema: str | None = None

    def __init__(self, url: URL, options: SqliteOptions) -> None:
        self._namespace = options.namespace
        self._patience = options.busy_timeout / 1000
        self._synchronous = options.synchronous
        self._closed = False
        self.engine = create_engine(
            url,
            poolclass=QueuePool,
            pool_size=options.pool_size + 1,
            max_overflow=0,
            pool_timeout=self._patience,
            pool_use_lifo=True,
            pool_reset_on_return=None,
            hide_parameters=True,
            connect_args={"isolation_level": None, "timeout": 0, "check_same_thread": False},
        )
        event.listen(self.engine, "connect", self._prepare)
        self.writer = Writer(self.engine, turn_for(os.path.realpath(str(url.database))), self._patience)

    def clock(self) -> int:
        """This machine's clock."""
        return time.time_ns() // 1_000_000

    def read(self, statement: str, parameters: Parameters) -> list[Row]:
        """A snapshot of what is committed; never waits for a writer."""
        bound = self._bound(parameters)
        pooled = self._checkout()
        connection = cast("sqlite3.Connection", pooled.dbapi_connection)
        try:
            return patiently(lambda: _rows(connection, statement, bound), self._patience)
        except (OverflowError, UnicodeError) as error:
            raise failure(error) from error
        finally:
            pooled.close()

    def write(self, statement: str, parameters: Parameters) -> list[Row]:
        """One statement with the write lock."""
        with self._transaction() as connection:
            return connection.execute(statement, self._bound(parameters)).fetchall()

    def commit(self, commits: Sequence[Commit]) -> Sequence[CommitResult]:
        """One transaction: nothing moves while the write lock is held, so what stands as expected is written."""
        with self._transaction() as connection:
            wanted = self._bound({"wanted": next_revs(commits)})
            known = standings(connection.execute(self.statements.standings, wanted).fetchall())
            judged = [judge(commit, known) for commit in commits]
            takable = [commit for commit, result in zip(commits, judged, strict=True) if isinstance(result, Busy)]
            self._append(connection, [append for commit in takable for append in commit.appends])
            results = [COMMITTED if isinstance(result, Busy) else result for result in judged]
            self._nudge(connection, commits, results)
        return results

    def _append(self, connection: sqlite3.Connection, appends: Sequence[Append]) -> None:
        if not appends:
            return
        now = self.clock()
        rows = [_append_row(append, self._namespace, now) for append in appends]
        starts = [row for row in rows if row["first_rev"] == 1]
        updates = [row for row in rows if row["first_rev"] != 1]
        connection.executemany(self.statements.update_head, updates)
        connection.executemany(self.statements.insert_head, starts)
        connection.executemany(self.statements.insert_commit, rows)

    def _nudge(
        self, connection: sqlite3.Connection, commits: Sequence[Commit], results: Sequence[CommitResult]
    ) -> None:
        done = (commit for commit, result in zip(commits, results, strict=True) if result is COMMITTED)
        nudged = sorted({thread_id for commit in done for thread_id in commit.nudges})
        if nudged:
            connection.execute(self.statements.nudge, self._bound({"thread_ids": nudged}))

    def due(self, parameters: Parameters, *, oldest_first: bool) -> list[Row]:
        """Look without a lock first; take it only where something is due."""
        peeked = self._bound(parameters)
        if not self.read(self.statements.pick, peeked | {"limit": 1}):
            return [(peeked["now"], self._next_wake(peeked), None, None, None, None, None, *_NO_COMMIT)]
        with self._transaction() as connection:
            bound = self._bound(parameters)
            pick = self.statements.pick_oldest if oldest_first else self.statements.pick
            picked = connection.execute(pick, bound).fetchall()
            bound["thread_ids"] = json.dumps([row[0] for row in picked])
            connection.execute(self.statements.reserve_picked, bound)
            bodies = connection.execute(self.statements.bodies, bound).fetchall()
        next_wake = self._next_wake(bound) if len(picked) < bound["limit"] else None
        return _due_rows(bound["now"], next_wake, picked, bodies)

    def _next_wake(self, bound: dict[str, Any]) -> int | None:
        next_wake: int | None = self.read(self.statements.next_wake, bound)[0][0]
        return next_wake

    def migrate(self) -> MigrationReport:
        """Bring the tables to the newest version, in one transaction."""
        with self._transaction() as connection:
            exists = connection.execute(_EXISTS).fetchall()
            recorded: list[Row] = connection.execute(VERSION).fetchall() if exists else []
            from_version: int = recorded[0][0] if recorded else 0
            for statement in script(self.engine.dialect, None, from_version=from_version):
                connection.execute(statement)
        return MigrationReport(from_version, max(from_version, CLIENT_VERSION))

    def names(self, stored: Any) -> tuple[str, ...]:
        """A JSON array."""
        return tuple(json.loads(stored))

    def close(self) -> None:
        """Connections that are in use close when they come back."""
        self._closed = True
        self.writer.close()
        self.engine.dispose()

    def _transaction(self) -> AbstractContextManager[sqlite3.Connection]:
        if self._closed:
            raise Unavailable("this storage is closed; open another one")
        return self.writer.transaction()

    def _checkout(self) -> PoolProxiedConnection:
        if self._closed:
            raise Unavailable("this storage is closed; open another one")
        try:
            return self.engine.raw_connection()
        except PoolTimeoutError as error:
            raise Unavailable("all connections of the pool are in use; raise pool_size") from error
        except (DBAPIError, sqlite3.Error) as error:
            raise failure(driver_error(error)) from error

    def _prepare(self, connection: sqlite3.Connection, _record: object) -> None:
        def setting(pragma: str) -> None:
            patiently(lambda: connection.execute(f"pragma {pragma}").fetchall(), self._patience)

        setting("journal_mode = wal")
        setting(f"synchronous = {self._synchronous}")
        setting(f"journal_size_limit = {_JOURNAL_SIZE}")

    def _bound(self, parameters: Parameters) -> dict[str, Any]:
        bound: dict[str, Any] = {"namespace": self._namespace, "now": self.clock()}
        for name, value in parameters.items():
            bound[name] = json.dumps(value) if isinstance(value, (list, tuple)) else value
        return bound


def _rows(connection: sqlite3.Connection, statement: str, bound: Parameters) -> list[Row]:
    return connection.execute(statement, bound).fetchall()


def _append_row(append: Append, namespace: str, now: int) -> dict[str, Any]:
    index = append.index
    return {
        "namespace": namespace,
        "now": now,
        "thread_id": append.thread_id,
        "first_rev": append.expected.rev + 1,
        "previous": append.expected.commit_id,
        "rev": append.expected.rev + append.count,
        "count": append.count,
        "commit_id": append.commit_id,
        "bytes": len(append.body),
        "body": append.body,
        "min_reader": index.min_reader,
        "workflow": index.workflow,
        "version": index.version,
        "queue": index.queue,
        "priority": index.priority,
        "status": index.status,
        "needs": json.dumps(index.needs),
        "tags": json.dumps(index.tags),
        "wake_at": index.wake_at,
        "started_at": index.started_at,
        "ended_at": index.ended_at,
    }


def _due_rows(now: int, next_wake: int | None, picked: Sequence[Row], bodies: Sequence[Row]) -> list[Row]:
    commits = {thread_id: [row[1:] for row in rows] for thread_id, rows in groupby(bodies, key=itemgetter(0))}
    rows: list[Row] = []
    for thread_id, rev, commit_id, parked, nudges, *_ in picked:
        head = (now, next_wake, thread_id, rev, commit_id, parked, nudges)
        rows.extend((*head, *commit) for commit in commits.get(thread_id, [_NO_COMMIT]))
    return rows or [(now, next_wake, None, None, None, None, None, *_NO_COMMIT)]
