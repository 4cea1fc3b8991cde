"""The storage port over a DynamoDB table."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from squidie_core.errors import StorageError, Unavailable
from squidie_core.journal.commit import (
    Checkpoint,
    Commit,
    CommitResult,
    Conflict,
    Head,
    IndexRow,
    LoadedThread,
    StoredCommit,
)
from squidie_core.ports import (
    Capabilities,
    DueBatch,
    Finding,
    HeadStatus,
    PurgePage,
    RebuildPage,
    RunPage,
    RunQuery,
    Tombstone,
)
from squidie_storage_dynamodb import blobs, changing, listing, loading, purging
from squidie_storage_dynamodb.checking import MAX_APPENDS
from squidie_storage_dynamodb.committing import commit_all
from squidie_storage_dynamodb.due import Polls
from squidie_storage_dynamodb.health import examine
from squidie_storage_dynamodb.packing import unpack_each
from squidie_storage_dynamodb.reading import current, current_all, journal
from squidie_storage_dynamodb.reservations import Reservations
from squidie_storage_dynamodb.runs import Run
from squidie_storage_dynamodb.table import Table

CAPABILITIES = Capabilities(name="dynamodb", local_clock=True, max_skew=2_000, max_appends=MAX_APPENDS, max_group=128)


class DynamodbStorage:
    """Runs of one namespace in a DynamoDB table; `open_dynamodb` makes them.

    Implements `squidie_core.ports.Storage`. Safe to use from many threads, not across a fork. The clock is this
    machine's; those of all clients of a table may be two seconds apart.
    """

    def __init__(self, table: Table, description: str) -> None:
        self.table = table
        self._reservations = Reservations()
        self._polls = Polls(table, self._reservations)
        self._description = description

    def __repr__(self) -> str:
        return f"<DynamodbStorage {self._description} namespace={self.namespace!r}>"

    @property
    def namespace(self) -> str:
        """The namespace that this object works in."""
        return self.table.keys.namespace

    @property
    def capabilities(self) -> Capabilities:
        """What this adapter can do."""
        return CAPABILITIES

    def clock(self) -> int:
        """This machine's time now."""
        self.table.check_open()
        return _now()

    def commit(self, commits: Sequence[Commit]) -> list[CommitResult]:
        """Write each commit whole or not at all, each judged on its own; several at once."""
        self.table.check_open()
        results = commit_all(self.table, commits, _now)
        if any(isinstance(result, Conflict) for result in results):
            self._polls.lost_a_race()
        return results

    def load(self, thread_ids: Sequence[str], *, known: Mapping[str, Head] | None = None) -> dict[str, LoadedThread]:
        """The threads that exist, in one round trip, two where some are long, three where some have checkpoints."""
        self.table.check_open()
        return loading.load(self.table, thread_ids, known or {})

    def heads(self, thread_ids: Sequence[str]) -> dict[str, HeadStatus]:
        """The heads of the threads that exist, in one round trip for each hundred."""
        self.table.check_open()
        return {thread_id: run.status() for thread_id, run in current_all(self.table, thread_ids).items()}

    def read(self, thread_id: str, *, after: int = 0, limit: int | None = None) -> Sequence[StoredCommit]:
        """The commits that hold the revisions above `after`."""
        self.table.check_open()
        run = current(self.table, thread_id)
        return [] if run is None else journal(self.table, run, after, limit)[1]

    def due(self, queue: str, *, offers: Sequence[str], limit: int, reserve_for: int) -> DueBatch:
        """Runs of the queue that are due; every eighth poll of a queue takes the longest due first.

        The reservations are this object's own: no other client sees them.
        """
        self.table.check_open()
        return self._polls.due(queue, offers, limit, reserve_for, _now())

    def reserve(self, *thread_ids: str, until: int, reason: str) -> None:
        """Park the runs until then or until their next commit; a look at and a write of each, several at once."""
        self.table.each(
            lambda thread_id: self._change(thread_id, lambda run: changing.park(self.table, run, until, reason)),
            set(thread_ids),
        )
        for thread_id in thread_ids:
            self._reservations.release(thread_id)

    def acknowledge(self, seen: Mapping[str, int]) -> None:
        """These runs were looked at after so many nudges, and there was nothing to write."""
        self.table.each(
            lambda thread_id: self._change(
                thread_id, lambda run: changing.acknowledge(self.table, run, seen[thread_id])
            ),
            seen,
        )
        for thread_id in seen:
            self._reservations.release(thread_id)

    def find(self, query: RunQuery) -> RunPage:
        """List runs, newest start first; one that started a moment ago may be missing still."""
        self.table.check_open()
        return listing.find(self.table, query)

    def put_blob(self, digest: str, body: str) -> None:
        """Keep a text under its name unless there is one."""
        self.table.check_open()
        blobs.put_blob(self.table, digest, body)

    def get_blobs(self, digests: Sequence[str]) -> dict[str, str]:
        """The texts that exist."""
        self.table.check_open()
        return blobs.get_blobs(self.table, digests)

    def put_checkpoint(self, thread_id: str, checkpoint: Checkpoint) -> None:
        """Keep a checkpoint in place of an older one."""
        self.table.check_open()
        loading.put_checkpoint(self.table, thread_id, checkpoint)

    def delete_checkpoint(self, thread_id: str) -> None:
        """Drop the thread's checkpoint."""
        self.table.check_open()
        loading.delete_checkpoint(self.table, thread_id)

    def quarantine(self, thread_id: str, *, reason: str, by: str) -> None:
        """Keep the run out of `due`."""
        self._change(thread_id, lambda run: changing.quarantine(self.table, run, reason, by, _now()))

    def unquarantine(self, thread_id: str) -> bool:
        """Let the run take part again; whether it was quarantined."""
        return self._change(thread_id, lambda run: changing.unquarantine(self.table, run))

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
        """Forget runs that ended before that time with one of these statuses, oldest start first."""
        self.table.check_open()
        runs, next_after = purging.purgeable(self.table, before, statuses, limit, after)
        if dry_run:
            return PurgePage(run_ids=[run.thread_id for run in runs], next_after=next_after)
        taken = purging.take_all(self.table, runs, remember_until)
        return PurgePage(run_ids=taken, next_after=next_after, expired=purging.collect(self.table, _now(), limit))

    def tombstones(self, thread_ids: Sequence[str]) -> dict[str, Tombstone]:
        """The tombstones of those threads that were purged."""
        self.table.check_open()
        return purging.tombstones(self.table, thread_ids)

    def rebuild_index(
        self,
        derive: Callable[[str, Sequence[StoredCommit]], IndexRow],
        *,
        after: str | None = None,
        limit: int = 100,
    ) -> RebuildPage:
        """Write index rows anew from the commits."""
        self.table.check_open()
        found = listing.thread_ids(self.table, after or "", limit + 1)
        page = found[:limit]
        failed: dict[str, str] = {}
        written = 0
        for thread_id in page:
            try:
                written += self._reindex(thread_id, derive)
            except StorageError as error:
                if isinstance(error, Unavailable):
                    raise
                failed[thread_id] = error.message
        next_after = page[-1] if len(found) > len(page) else None
        return RebuildPage(examined=len(page), written=written, next_after=next_after, failed=failed)

    def _reindex(self, thread_id: str, derive: Callable[[str, Sequence[StoredCommit]], IndexRow]) -> bool:
        """Whether the row was written: a head that moved meanwhile has brought its own."""
        seen = current(self.table, thread_id)
        if seen is None:
            return False
        _, commits = journal(self.table, seen, unpacked=unpack_each)
        index = derive(thread_id, commits)
        head = commits[-1].head if commits else seen.head
        return self._change(thread_id, lambda run: changing.reindex(self.table, run, seen.head, head, index))

    def _change(self, thread_id: str, decide: Callable[[Run], changing.Attributes | None]) -> bool:
        self.table.check_open()
        return changing.change(self.table, thread_id, decide)

    def health(self) -> list[Finding]:
        """The table, its expiry and the clock; what the role may not see is said."""
        self.table.check_open()
        return examine(self.table.calls, self.table.name, max_skew=CAPABILITIES.max_skew)

    def close(self) -> None:
        """Give back connections."""
        self.table.close()


def _now() -> int:
    return time.time_ns() // 1_000_000
