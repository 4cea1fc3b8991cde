"""Rows of the statements as the port's values, and back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from squidie_core.journal.commit import Checkpoint, Head, IndexRow, LoadedThread, StoredCommit
from squidie_core.ports import DueBatch, DueRun, HeadStatus, RunRow, Tombstone

if TYPE_CHECKING:
    from squidie_storage_sql.database import Row

HEAD, CHECKPOINT, COMMIT = 0, 1, 2
"""What a row of `load` is about, in the order in which the rows of a thread come."""


def loaded_threads(rows: Sequence[Row]) -> dict[str, LoadedThread]:
    """Threads from rows (run_id, part, rev, commit_id, nudges or fold_version or count, previous, body)."""
    threads: dict[str, LoadedThread] = {}
    for thread_id, parts in groupby(rows, key=itemgetter(0)):
        head, nudges = Head(0, 0), 0
        checkpoint: Checkpoint | None = None
        commits: list[StoredCommit] = []
        for _, part, rev, commit_id, number, previous, body in parts:
            if part == COMMIT:
                commits.append(StoredCommit(rev, number, commit_id, previous, body))
            elif part == HEAD:
                head, nudges = Head(rev, commit_id), number
            else:
                checkpoint = Checkpoint(Head(rev, commit_id), number, body)
        threads[thread_id] = LoadedThread(head, commits, checkpoint, nudges)
    return threads


def due_batch(rows: Sequence[Row]) -> DueBatch:
    """A batch from rows (now, next_wake, run_id, rev, commit_id, parked, nudges, and the columns of a commit).

    There is one row for each commit that came along, one for a run whose commits did not, and one for no run at all.
    """
    runs: list[DueRun] = []
    now, next_wake = rows[0][0], rows[0][1]
    for thread_id, parts in groupby(rows, key=itemgetter(2)):
        if thread_id is None:
            continue
        commits: list[StoredCommit] = []
        head, parked, nudges = Head(0, 0), 0, 0
        for _, _, _, rev, commit_id, parked, nudges, *commit in parts:  # noqa: B007 -- the same in each row
            head = Head(rev, commit_id)
            if commit[0] is not None:
                commits.append(StoredCommit(*commit))
        whole = bool(commits) and commits[-1].head == head  # a commit may have come between snapshot and lock
        loaded = LoadedThread(head, commits, None, nudges) if whole else None
        runs.append(DueRun(thread_id=thread_id, head=head, loaded=loaded, parked=parked, nudges=nudges))
    return DueBatch(runs=runs, now=now, next_wake=next_wake)


def head_status(row: Row) -> HeadStatus:
    """The cheap look, from (run_id, rev, commit_id, and the status)."""
    _, rev, commit_id, status, nudges, parked_until, park_reason, quarantine_reason = row
    return HeadStatus(
        head=Head(rev, commit_id),
        status=status,
        nudges=nudges,
        parked_until=parked_until,
        park_reason=park_reason,
        quarantine_reason=quarantine_reason,
    )


def run_row(row: Row, names: Callable[[object], tuple[str, ...]]) -> RunRow:
    """A listed run."""
    thread_id, rev, commit_id, updated_at, parked_until, park_reason, quarantine_reason, *index = row
    workflow, queue, priority, status, started_at, wake_at, needs, ended_at, version, tags, min_reader, *rest = index
    start_digest, parent = rest
    return RunRow(
        thread_id=thread_id,
        head=Head(rev, commit_id),
        index=IndexRow(
            workflow=workflow,
            queue=queue,
            priority=priority,
            status=status,
            started_at=started_at,
            wake_at=wake_at,
            needs=names(needs),
            ended_at=ended_at,
            version=version,
            tags=names(tags),
            min_reader=min_reader,
            start_digest=start_digest,
            parent=parent,
        ),
        updated_at=updated_at,
        parked_until=parked_until,
        park_reason=park_reason,
        quarantine_reason=quarantine_reason,
    )


def head_columns(thread_id: str, commits: Sequence[StoredCommit], index: IndexRow) -> dict[str, Any]:
    """What `reindex` and `restore` write."""
    head = commits[-1].head
    return {
        "thread_id": thread_id,
        "rev": head.rev,
        "commit_id": head.commit_id,
        "bytes": sum(len(commit.body) for commit in commits),
        "min_reader": index.min_reader,
        "workflow": index.workflow,
        "version": index.version,
        "queue": index.queue,
        "priority": index.priority,
        "status": index.status,
        "needs": list(index.needs),
        "tags": list(index.tags),
        "wake_at": index.wake_at,
        "started_at": index.started_at,
        "ended_at": index.ended_at,
        "start_digest": index.start_digest,
        "parent": index.parent,
    }


def damaged_text(stored: bytes) -> str:
    """What can be had of a text with damaged bytes in it: its reader finds out, and one run's damage stops no other."""
    return stored.decode(errors="surrogateescape")


def tombstone(row: Row) -> Tombstone:
    """What is left of a run, from (run_id, workflow, status, start_digest, ended_at, expires_at)."""
    _, workflow, status, start_digest, ended_at, expires_at = row
    return Tombstone(
        workflow=workflow, status=status, start_digest=start_digest, ended_at=ended_at, expires_at=expires_at
    )
