"""PostgreSQL: every request is one statement in a transaction of its own."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import psycopg

from squidie_core.errors import Unavailable
from squidie_core.journal.commit import COMMITTED
from squidie_core.ports import Capabilities
from squidie_storage_sql.committing import MAX_APPENDS
from squidie_storage_sql.database import Lost, Rejected, Transient
from squidie_storage_sql.handles import Handle, handle_types, read_handle
from squidie_storage_sql.judging import judge, next_revs, nudged, standings
from squidie_storage_sql.postgresql.arrays import (
    Int8Array,
    TextArray,
    append_arrays,
    append_row,
    start_arrays,
    start_row,
)
from squidie_storage_sql.postgresql.connections import Connections
from squidie_storage_sql.postgresql.health import examine
from squidie_storage_sql.postgresql.lending import Lender
from squidie_storage_sql.postgresql.marks import Marks
from squidie_storage_sql.postgresql.migrating import migrate
from squidie_storage_sql.postgresql.statements import WHEREABOUTS, statements
from squidie_storage_sql.tables import in_schema

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from sqlalchemy.engine import URL

    from squidie_core.adapters.scrubbing import Scrubber
    from squidie_core.journal.commit import Append, Commit, CommitResult
    from squidie_core.ports import Finding
    from squidie_storage_sql.database import Database, Parameters, Row
    from squidie_storage_sql.lending import Loan
    from squidie_storage_sql.migrations import MigrationReport
    from squidie_storage_sql.options import PostgresqlOptions

CAPABILITIES = Capabilities(name="postgresql", max_appends=MAX_APPENDS, host_transactions=True)

_log = logging.getLogger("squidie.storage")

_SETS = (list, tuple)


class PostgresqlDatabase:
    """One namespace in one schema."""

    capabilities = CAPABILITIES
    shares_transactions = False

    def __init__(self, url: URL, options: PostgresqlOptions, scrub: Scrubber) -> None:
        self.schema = options.schema
        self.statements = statements(options.schema)
        self.connections = Connections(url, options, scrub)
        self.marks = Marks()
        self._scrub = scrub
        self.lender = Lender(url, options, scrub)
        self._home: Row | None = None
        self.shared = {"namespace": options.namespace, "lock_timeout": f"{options.lock_timeout}ms"}

    @property
    def blobs(self) -> Database:
        """Itself."""
        return self

    def clock(self) -> int:
        """One round trip."""
        now: int = self.read(self.statements.clock, {})[0][0]
        return now

    def read(self, statement: str, parameters: Parameters) -> list[Row]:
        """Repeated on another connection where the first one is lost."""
        try:
            return self.write(statement, parameters)
        except Unavailable as error:
            raise Unavailable(error.message) from error.__cause__

    def write(self, statement: str, parameters: Parameters) -> list[Row]:
        """Repeated as well."""
        bound = self._bound(parameters)
        return self.connections.run(lambda session: session.rows(statement, bound))

    def due(self, parameters: Parameters, *, oldest_first: bool) -> list[Row]:
        """One round trip, with the small threads in it."""
        queue, offers = parameters["queue"], parameters["offers"]
        look = self.marks.look(queue, offers)
        statement = self.statements.due_oldest if oldest_first else self.statements.due
        asked = {**parameters, "marks": Int8Array(look.marks), "ahead": look.ahead, "moving": look.moving}
        rows = self.write(statement, asked)
        if look.moving:
            self.marks.moved(queue, offers, look, rows[0][0])
        return [row[1:] for row in rows]

    def commit(self, commits: Sequence[Commit]) -> list[CommitResult]:
        """One round trip; one more where something is not accepted, one more where somebody holds a nudged run."""
        try:
            accepted, missed = self._append(commits)
        except Rejected as rejected:
            if len(commits) > 1 or not rejected.duplicate:
                raise
            accepted, missed = set[str](), list[str]()
        if missed:
            self._nudge_again(missed)
        left = _without(commits, accepted)
        if not left:
            return [COMMITTED] * len(commits)
        try:
            known = standings(self.read(self.statements.standings, {"wanted": next_revs(left)}))
        except Unavailable as error:
            raise Unavailable(error.message, outcome="unknown") from error.__cause__
        return [judge(commit, known) if commit in left else COMMITTED for commit in commits]

    def _append(self, commits: Sequence[Commit]) -> tuple[set[str], list[str]]:
        """The threads whose appends were accepted, and runs that no nudge reached because they were locked."""
        appends = [append for commit in commits for append in commit.appends]
        together = len(appends) > len(commits)
        if nudges := nudged(commits):
            statement = self.statements.append_together_and_nudge if together else self.statements.append_and_nudge
            nudgers, runs = zip(*nudges, strict=True)
            arrays = start_arrays(appends) | {"nudgers": TextArray(nudgers), "nudged": TextArray(runs)}
            rows = self.write(statement, arrays)
            return {run_id for run_id, missed in rows if not missed}, [run_id for run_id, missed in rows if missed]
        given: Parameters
        if together:
            statement, given = self.statements.append_together, start_arrays(appends)
        elif len(appends) == 1:
            statement, given = self._one(appends[0])
        elif any(append.expected.rev == 0 for append in appends):
            statement, given = self.statements.append_or_start, start_arrays(appends)
        else:
            statement, given = self.statements.append, append_arrays(appends)
        return {run_id for (run_id,) in self.write(statement, given)}, []

    def _one(self, append: Append) -> tuple[str, Parameters]:
        if append.expected.rev == 0:
            return self.statements.start_one, start_row(append)
        return self.statements.append_one, append_row(append)

    def _nudge_again(self, run_ids: list[str]) -> None:
        """Whoever held the runs was writing to them, for the most part, and has done by now. Once: it is a hint."""
        try:
            self.write(self.statements.nudge, {"thread_ids": run_ids})
        except (Unavailable, Rejected) as error:
            _log.info("%d runs were not nudged: %s", len(run_ids), error)

    def purge(self, parameters: Parameters) -> tuple[list[Row], int]:
        """One round trip."""
        rows = self.write(self.statements.purge, parameters)
        return [row[1:] for row in rows if row[2] is not None], rows[0][0]

    def names(self, stored: object) -> tuple[str, ...]:
        """An array."""
        return tuple(cast("list[str]", stored))

    def health(self) -> list[Finding]:
        """Bloat, autovacuum, snapshots."""
        return examine(lambda statement: self.read(statement, {}), self.schema)

    def migrate(self) -> MigrationReport:
        """One transaction; a failure leaves what was there."""
        try:
            with self.connections.connection() as connection:
                return migrate(connection, self.connections.engine.dialect, self.schema)
        except (Lost, Transient, Rejected) as error:
            raise Unavailable(f"the migration did not complete; run it again: {error}") from error.__cause__

    def home(self, *, again: bool = False) -> Row:
        """Which tables these connections lead to, as WHEREABOUTS says; asked once, unless `again`."""
        if self._home is None or again:
            self._home = tuple(self.read(in_schema(WHEREABOUTS, self.schema), {})[0])
        return self._home

    @property
    def handles(self) -> tuple[type, ...]:
        """What a transaction may be handed over as."""
        return (*handle_types(), psycopg.Connection)

    def within(self, given: object) -> tuple[Database, Handle[Any]]:
        """The statements in a transaction of the host's."""
        from squidie_storage_sql.postgresql.joining import join  # noqa: PLC0415  # it gives one of these

        handle: Handle[psycopg.Connection[Any]] = read_handle(given, psycopg.Connection)
        return join(handle, self, self._scrub), handle

    @contextmanager
    def lend(self) -> Generator[tuple[Database, Loan]]:
        """The statements in a transaction of ours, on a connection beside the pool."""
        from squidie_storage_sql.postgresql.joining import JoinedPostgresql  # noqa: PLC0415  # it is one of these

        self.connections.check_open()
        with self.lender.lend() as loan:
            yield JoinedPostgresql(self, Handle(loan.driver), self.home()[0], self._scrub), loan

    def close(self) -> None:
        """Give back the connections."""
        self.connections.close()
        self.lender.close()

    def _bound(self, parameters: Parameters) -> dict[str, Any]:
        """The parameters as psycopg takes them."""
        bound: dict[str, Any] = dict(self.shared)
        for name, value in parameters.items():
            if name == "wanted":
                bound["thread_ids"] = TextArray([thread_id for thread_id, _ in value])
                bound["numbers"] = Int8Array([number for _, number in value])
            else:
                bound[name] = TextArray(value) if type(value) in _SETS else value
        return bound


def _without(commits: Sequence[Commit], accepted: set[str]) -> list[Commit]:
    """The commits that were not accepted; each is accepted whole."""
    return [c for c in commits if not all(append.thread_id in accepted for append in c.appends)]
