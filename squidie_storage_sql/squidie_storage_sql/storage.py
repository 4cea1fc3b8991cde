"""The storage port over a SQL database."""

from __future__ import annotations

from collections import defaultdict
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, Any

from squidie_core.errors import StorageError
from squidie_core.journal.commit import StoredCommit
from squidie_core.ports import PurgePage, RebuildPage, RunPage
from squidie_storage_sql.committing import commit_all
from squidie_storage_sql.cursors import read_cursor, read_place, write_cursor, write_place
from squidie_storage_sql.database import Rejected
from squidie_storage_sql.joining import Joined
from squidie_storage_sql.lending import Lent
from squidie_storage_sql.rows import due_batch, head_columns, head_status, loaded_threads, run_row, tombstone

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    from squidie_core.journal.commit import (
        Checkpoint,
        Commit,
        CommitResult,
        Head,
        IndexRow,
        LoadedThread,
    )
    from squidie_core.ports import Capabilities, DueBatch, Finding, HeadStatus, RunQuery, Tombstone
    from squidie_storage_sql.database import Database, Row

_OLDEST_FIRST_EVERY = 8
_NO_LIMIT = 2**62
_FIRST = -(2**62)
"""Before every time."""


class SqlStorage:
    """Runs of one namespace in PostgreSQL or SQLite; `open_postgresql` and `open_sqlite` make them.

    Implements `squidie_core.ports.Storage`. Safe to use from many threads, not across a fork.
    """

    def __init__(self, database: Database, namespace: str, description: str) -> None:
        self.database = database
        self._namespace = namespace
        self._description = description
        self._polls: defaultdict[str, count[int]] = defaultdict(lambda: count(1))

    def __repr__(self) -> str:
        return f"<SqlStorage {self._description} namespace={self._namespace!r}>"

    @property
    def namespace(self) -> str:
        """The namespace that this object works in."""
        return self._namespace

    @property
    def capabilities(self) -> Capabilities:
        """What this adapter can do."""
        return self.database.capabilities

    def clock(self) -> int:
        """The store's time now."""
        return self.database.clock()

    def commit(self, commits: Sequence[Commit]) -> list[CommitResult]:
        """Write each commit whole or not at all, each judged on its own."""
        return commit_all(self.database, commits)

    def load(self, thread_ids: Sequence[str], *, known: Mapping[str, Head] | None = None) -> dict[str, LoadedThread]:
        """The threads that exist, in one round trip."""
        if not thread_ids:
            return {}
        known = known or {}
        wanted = [(thread_id, known[thread_id].rev if thread_id in known else None) for thread_id in set(thread_ids)]
        return loaded_threads(self._read(self.database.statements.load, wanted=wanted))

    def heads(self, thread_ids: Sequence[str]) -> dict[str, HeadStatus]:
        """The heads of the threads that exist, in one round trip."""
        if not thread_ids:
            return {}
        rows = self._read(self.database.statements.heads, thread_ids=list(thread_ids))
        return {row[0]: head_status(row) for row in rows}

    def read(self, thread_id: str, *, after: int = 0, limit: int | None = None) -> list[StoredCommit]:
        """The commits that hold the revisions above `after`."""
        statement = self.database.statements.read
        rows = self._read(statement, thread_id=thread_id, after=after, limit=_NO_LIMIT if limit is None else limit)
        return [StoredCommit(*row) for row in rows]

    def due(self, queue: str, *, offers: Sequence[str], limit: int, reserve_for: int) -> DueBatch:
        """Reserve runs of the queue that are due; every eighth poll of a queue takes the longest due first."""
        parameters = {"queue": queue, "offers": list(offers), "limit": limit, "reserve_for": reserve_for}
        oldest_first = next(self._polls[queue]) % _OLDEST_FIRST_EVERY == 0
        try:
            return due_batch(self.database.due(parameters, oldest_first=oldest_first))
        except Rejected as rejected:
            raise rejected.error from rejected.__cause__

    def reserve(self, *thread_ids: str, until: int, reason: str) -> None:
        """Park the runs until then or until their next commit; a run that somebody else has locked stays as it is."""
        if thread_ids:
            self._write(self.database.statements.reserve, thread_ids=list(thread_ids), until=until, reason=reason)

    def acknowledge(self, seen: Mapping[str, int]) -> None:
        """Forget nudges that somebody looked into; where somebody else has the row locked they are kept."""
        if seen:
            self._write(self.database.statements.acknowledge, wanted=sorted(seen.items()))

    def find(self, query: RunQuery) -> RunPage:
        """List runs, newest start first."""
        filters = {
            name: value
            for name in ("workflow", "status", "queue", "tag", "due_before")
            if (value := getattr(query, name)) is not None
        }
        chosen = list(filters)
        if query.quarantined is not None:
            chosen.append("quarantined" if query.quarantined else "unquarantined")
        if query.cursor is not None:
            chosen.append("after")
            filters["started_at"], filters["run_id"] = read_cursor(self._namespace, query.cursor)
        statement = self.database.statements.find(tuple(chosen))
        found = self._read(statement, limit=query.limit + 1, **filters)
        runs = [run_row(row, self.database.names) for row in found[: query.limit]]
        if len(found) <= query.limit or not runs:
            return RunPage(runs=runs)
        last = runs[-1]
        return RunPage(runs=runs, next_cursor=write_cursor(self._namespace, last.index.started_at, last.thread_id))

    def put_blob(self, digest: str, body: str) -> None:
        """Keep a text under its name unless there is one."""
        try:
            self.database.blobs.write(self.database.statements.put_blob, {"digest": digest, "body": body})
        except Rejected as rejected:
            raise rejected.error from rejected.__cause__

    def get_blobs(self, digests: Sequence[str]) -> dict[str, str]:
        """The texts that exist."""
        if not digests:
            return {}
        try:
            return dict(self.database.blobs.read(self.database.statements.get_blobs, {"digests": list(digests)}))
        except Rejected as rejected:
            raise rejected.error from rejected.__cause__

    def put_checkpoint(self, thread_id: str, checkpoint: Checkpoint) -> None:
        """Keep a checkpoint in place of an older one."""
        self._write(
            self.database.statements.put_checkpoint,
            thread_id=thread_id,
            rev=checkpoint.head.rev,
            commit_id=checkpoint.head.commit_id,
            fold_version=checkpoint.fold_version,
            body=checkpoint.body,
        )

    def delete_checkpoint(self, thread_id: str) -> None:
        """Drop the thread's checkpoint."""
        self._write(self.database.statements.delete_checkpoint, thread_id=thread_id)

    def quarantine(self, thread_id: str, *, reason: str, by: str) -> None:
        """Keep the run out of `due`."""
        self._write(self.database.statements.quarantine, thread_id=thread_id, reason=reason, by=by)

    def unquarantine(self, thread_id: str) -> bool:
        """Let the run take part again; whether it was quarantined."""
        return bool(self._write(self.database.statements.unquarantine, thread_id=thread_id))

    def purge(
        self,
        *,
        before: int,
        statuses: Sequence[str],
        remember_until: int,
        limit: int = 100,
        after: str | None = None,
        dry_run: bool = False,
    ) -> PurgePage:
        """Forget runs that have ended, those of one status after those of another, oldest start first."""
        chosen = list(dict.fromkeys(statuses))
        started_at, run_id, status = (_FIRST, "", None) if after is None else read_place(self._namespace, after)
        if status is not None:
            chosen = chosen[chosen.index(status) :] if status in chosen else []
        place = {"before": before, "status": chosen[0] if chosen else "", "started_at": started_at, "run_id": run_id}
        if dry_run:
            rows = self._read(self.database.statements.purgeable, limit=limit, **place)
            return self._purge_page([(*row, True) for row in rows], chosen, limit, 0)
        try:
            rows, expired = self.database.purge({**place, "limit": limit, "remember_until": remember_until})
        except Rejected as rejected:
            raise rejected.error from rejected.__cause__
        return self._purge_page(rows, chosen, limit, expired)

    def _purge_page(self, rows: Sequence[Row], statuses: Sequence[str], limit: int, expired: int) -> PurgePage:
        """From rows (start time, id, whether it was taken) of runs of the first status."""
        if len(rows) == limit and rows:
            next_after = write_place(self._namespace, rows[-1][0], rows[-1][1], statuses[0])
        elif len(statuses) > 1:
            next_after = write_place(self._namespace, _FIRST, "", statuses[1])
        else:
            next_after = None
        taken = [run_id for _, run_id, was_taken in rows if was_taken]
        return PurgePage(run_ids=taken, next_after=next_after, expired=expired)

    def tombstones(self, thread_ids: Sequence[str]) -> dict[str, Tombstone]:
        """What is left of purged runs, in one round trip."""
        if not thread_ids:
            return {}
        rows = self._read(self.database.statements.tombstones, thread_ids=list(thread_ids))
        return {row[0]: tombstone(row) for row in rows}

    def rebuild_index(
        self,
        derive: Callable[[str, Sequence[StoredCommit]], IndexRow],
        *,
        after: str | None = None,
        limit: int = 100,
    ) -> RebuildPage:
        """Write heads and index rows anew from the commits."""
        rows = self._read(self.database.statements.thread_ids, after=after or "", limit=limit + 1)
        thread_ids: list[str] = [thread_id for (thread_id,) in rows[:limit]]
        failed: dict[str, str] = {}
        written = 0
        for thread_id in thread_ids:
            seen = self.heads([thread_id]).get(thread_id)
            commits = self.read(thread_id)
            if not commits:
                continue  # it was purged meanwhile
            try:
                index = derive(thread_id, commits)
            except StorageError as error:
                failed[thread_id] = error.message
            else:
                written += self._rewrite(head_columns(thread_id, commits, index), seen)
        next_after = thread_ids[-1] if len(rows) > len(thread_ids) else None
        return RebuildPage(examined=len(thread_ids), written=written, next_after=next_after, failed=failed)

    def _rewrite(self, columns: dict[str, Any], seen: HeadStatus | None) -> bool:
        """Whether the row was written: a head that moved meanwhile has brought its own."""
        if seen is None:
            return bool(self._write(self.database.statements.restore, **columns))
        fence = {"seen_rev": seen.head.rev, "seen_commit_id": seen.head.commit_id}
        return bool(self._write(self.database.statements.reindex, **columns, **fence))

    @property
    def handles(self) -> tuple[type, ...]:
        """What a transaction may be handed over as."""
        return self.database.handles

    def within(self, handle: object) -> Joined:
        """Take part in a transaction of the host's; one round trip, which sees that the tables are there."""
        database, known = self.database.within(handle)
        return Joined(self._over(database), known.session)

    @contextmanager
    def lend(self) -> Generator[Lent]:
        """Open a transaction for a body, rolled back at the end of the block unless it was committed."""
        with self.database.lend() as (database, loan):
            yield Lent(self._over(database), loan)

    def _over(self, database: Database) -> SqlStorage:
        return SqlStorage(database, self._namespace, self._description)

    def health(self) -> list[Finding]:
        """How the tables do; `squidie doctor` tells it."""
        try:
            return self.database.health()
        except Rejected as rejected:
            raise rejected.error from rejected.__cause__

    def close(self) -> None:
        """Give back connections."""
        self.database.close()

    def _read(self, statement: str, **parameters: Any) -> list[Row]:
        try:
            return self.database.read(statement, parameters)
        except Rejected as rejected:
            raise rejected.error from rejected.__cause__

    def _write(self, statement: str, **parameters: Any) -> list[Row]:
        try:
            return self.database.write(statement, parameters)
        except Rejected as rejected:
            raise rejected.error from rejected.__cause__
