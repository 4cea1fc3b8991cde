"""SQLite: reads on connections of their own, writes one after the other on one connection."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from contextlib import contextmanager
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, cast

from squidie_core.journal.commit import COMMITTED, Busy
from squidie_core.ports import Capabilities
from squidie_storage_sql.committing import MAX_APPENDS
from squidie_storage_sql.handles import Handle, handle_types, read_handle
from squidie_storage_sql.judging import judge, next_revs, nudged, standings
from squidie_storage_sql.migrations import CLIENT_VERSION, VERSION, MigrationReport, script
from squidie_storage_sql.rows import damaged_text
from squidie_storage_sql.sqlite.connections import Connections
from squidie_storage_sql.sqlite.failures import is_undecodable
from squidie_storage_sql.sqlite.health import examine
from squidie_storage_sql.sqlite.lending import Lender
from squidie_storage_sql.sqlite.statements import STATEMENTS
from squidie_storage_sql.sqlite.writer import Writer, turn_for

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from contextlib import AbstractContextManager

    from sqlalchemy.engine import URL

    from squidie_core.journal.commit import Append, Commit, CommitResult
    from squidie_core.ports import Finding
    from squidie_storage_sql.database import Database, Parameters, Row
    from squidie_storage_sql.lending import Loan
    from squidie_storage_sql.options import SqliteOptions

CAPABILITIES = Capabilities(name="sqlite", local_clock=True, max_appends=MAX_APPENDS, host_transactions=True)

_EXISTS = "select 1 from sqlite_master where type = 'table' and name = 'squidie_schema'"
_NO_COMMIT = (None,) * 5
_NO_RUN = (None,) * 10


class SqliteDatabase:
    """One namespace in one file. What other processes lock is waited for with jitter, up to `busy_timeout`."""

    capabilities = CAPABILITIES
    statements = STATEMENTS
    shares_transactions = True
    schema: str | None = None

    def __init__(self, url: URL, options: SqliteOptions) -> None:
        self.namespace = options.namespace
        self.connections = Connections(url, options)
        self.path = os.path.realpath(str(url.database))
        turn = turn_for(self.path)
        self.lender = Lender(url, options)
        self.writer = Writer(self.connections, turn, options.busy_timeout / 1000)

    @property
    def blobs(self) -> Database:
        """Itself."""
        return self

    def clock(self) -> int:
        """This machine's clock."""
        self.connections.check_open()
        return time.time_ns() // 1_000_000

    def read(self, statement: str, parameters: Parameters) -> list[Row]:
        """What is committed; never waits for a writer."""
        bound = self._bound(parameters)
        with self.connections.reading() as connection:
            return self.connections.patiently(lambda: rows_of(connection, statement, bound))

    def writing(self) -> AbstractContextManager[sqlite3.Connection]:
        """A connection with the write lock, which commits what the block wrote, or nothing if it raises."""
        return self.writer.transaction()

    def write(self, statement: str, parameters: Parameters) -> list[Row]:
        """One statement with the write lock."""
        bound = self._bound(parameters)
        with self.writing() as connection:
            return rows_of(connection, statement, bound)

    def commit(self, commits: Sequence[Commit]) -> Sequence[CommitResult]:
        """One transaction: nothing moves while the write lock is held, so what stands as expected is written."""
        with self.writing() as connection:
            wanted = self._bound({"wanted": next_revs(commits)})
            known = standings(connection.execute(self.statements.standings, wanted).fetchall())
            judged = [judge(commit, known) for commit in commits]
            takable = [commit for commit, result in zip(commits, judged, strict=True) if isinstance(result, Busy)]
            self._append(connection, [append for commit in takable for append in commit.appends])
            results = [COMMITTED if isinstance(result, Busy) else result for result in judged]
            nudges = [self._bound({"thread_ids": [thread_id]}) for _, thread_id in nudged(takable)]
            connection.executemany(self.statements.nudge, nudges)
        return results

    def _append(self, connection: sqlite3.Connection, appends: Sequence[Append]) -> None:
        if not appends:
            return
        now = self.clock()
        rows = [_append_row(append, self.namespace, now) for append in appends]
        starts = [row for row in rows if row["first_rev"] == 1]
        updates = [row for row in rows if row["first_rev"] != 1]
        connection.executemany(self.statements.update_head, updates)
        connection.executemany(self.statements.insert_head, starts)
        connection.executemany(self.statements.insert_commit, rows)

    def due(self, parameters: Parameters, *, oldest_first: bool) -> list[Row]:
        """Look without a lock first; take it only where something is due."""
        peeked = self._bound(parameters)
        if not self.read(self.statements.pick, peeked | {"limit": 1}):
            return [(peeked["now"], self._next_wake(peeked), *_NO_RUN)]
        with self.writing() as connection:
            bound = self._bound(parameters)
            pick = self.statements.pick_oldest if oldest_first else self.statements.pick
            picked = connection.execute(pick, bound).fetchall()
            bound["thread_ids"] = json.dumps([row[0] for row in picked])
            connection.execute(self.statements.reserve_picked, bound)
            bodies = rows_of(connection, self.statements.bodies, bound)
        next_wake = self._next_wake(bound) if len(picked) < bound["limit"] else None
        return _due_rows(bound["now"], next_wake, picked, bodies)

    def _next_wake(self, bound: dict[str, Any]) -> int | None:
        next_wake: int | None = self.read(self.statements.next_wake, bound)[0][0]
        return next_wake

    def purge(self, parameters: Parameters) -> tuple[list[Row], int]:
        """One transaction, in which nothing moves."""
        with self.writing() as connection:
            bound = self._bound(parameters)
            rows = rows_of(connection, self.statements.purgeable, bound)
            bound["thread_ids"] = json.dumps([run_id for _, run_id in rows])
            for statement in (self.statements.forget_commits, self.statements.forget_checkpoints, self.statements.bury):
                connection.execute(statement, bound)
            expired = [run_id for (run_id,) in connection.execute(self.statements.expired, bound)]
            connection.execute(self.statements.collect, bound | {"thread_ids": json.dumps(expired)})
        return [(*row, True) for row in rows], len(expired)

    def health(self) -> list[Finding]:
        """The file, its write-ahead log and its settings."""
        with self.connections.reading() as connection:
            return self.connections.patiently(lambda: examine(connection))

    def migrate(self) -> MigrationReport:
        """Bring the tables to the newest version, in one transaction."""
        with self.writing() as connection:
            exists = connection.execute(_EXISTS).fetchall()
            recorded: list[Row] = connection.execute(VERSION).fetchall() if exists else []
            from_version: int = recorded[0][0] if recorded else 0
            for statement in script(self.connections.engine.dialect, None, from_version=from_version):
                connection.execute(statement)
        return MigrationReport(from_version, max(from_version, CLIENT_VERSION))

    @property
    def handles(self) -> tuple[type, ...]:
        """What a transaction may be handed over as."""
        return (*handle_types(), sqlite3.Connection)

    def within(self, given: object) -> tuple[Database, Handle[Any]]:
        """The statements in a transaction of the host's."""
        from squidie_storage_sql.sqlite.joining import join  # noqa: PLC0415  # it gives one of these

        self.connections.check_open()
        handle = read_handle(given, sqlite3.Connection)
        return join(handle, self), handle

    @contextmanager
    def lend(self) -> Generator[tuple[Database, Loan]]:
        """The statements in a transaction of ours, on a connection of its own."""
        from squidie_storage_sql.sqlite.joining import JoinedSqlite  # noqa: PLC0415  # it is one of these

        with self.lender.lend(self.connections) as loan:
            yield JoinedSqlite(self, Handle(loan.driver)), loan

    def names(self, stored: object) -> tuple[str, ...]:
        """A JSON array."""
        return tuple(json.loads(cast("str", stored)))

    def close(self) -> None:
        """Give back the connections."""
        self.writer.close()
        self.connections.close()

    def _bound(self, parameters: Parameters) -> dict[str, Any]:
        bound: dict[str, Any] = {"namespace": self.namespace, "now": self.clock()}
        for name, value in parameters.items():
            bound[name] = json.dumps(value) if isinstance(value, (list, tuple)) else value
        return bound


def rows_of(connection: sqlite3.Connection, statement: str, bound: Parameters) -> list[Row]:
    """The rows, also of text that is none."""
    try:
        return connection.execute(statement, bound).fetchall()
    except sqlite3.OperationalError as error:
        if not is_undecodable(error):
            raise
    connection.text_factory = damaged_text
    try:
        return connection.execute(statement, bound).fetchall()
    finally:
        connection.text_factory = str


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
        "nudges_seen": append.nudges_seen,
        "bytes": len(append.body),
        "body": append.body,
        "min_reader": index.min_reader,
        "workflow": index.workflow,
        "version": index.version,
        "queue": index.queue,
        "priority": index.priority,
        "status": index.status,
        "needs": _json(index.needs),
        "tags": _json(index.tags),
        "wake_at": index.wake_at,
        "started_at": index.started_at,
        "ended_at": index.ended_at,
        "start_digest": index.start_digest,
        "parent": index.parent,
    }


@lru_cache(maxsize=4096)
def _json(names: tuple[str, ...]) -> str:
    return json.dumps(names)


def _due_rows(now: int, next_wake: int | None, picked: Sequence[Row], bodies: Sequence[Row]) -> list[Row]:
    commits = {thread_id: [row[1:] for row in rows] for thread_id, rows in groupby(bodies, key=itemgetter(0))}
    rows: list[Row] = []
    for thread_id, rev, commit_id, parked, nudges, *_ in picked:
        head = (now, next_wake, thread_id, rev, commit_id, parked, nudges)
        rows.extend((*head, *commit) for commit in commits.get(thread_id, [_NO_COMMIT]))
    return rows or [(now, next_wake, *_NO_RUN)]
