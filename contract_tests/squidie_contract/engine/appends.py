"""Appends to write, and what a thread is when it is read back."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypedDict, Unpack

from squidie_core.journal.codec import encode_entries
from squidie_core.journal.commit import (
    COMMITTED,
    NO_HEAD,
    Append,
    Checkpoint,
    Commit,
    CommitResult,
    Head,
    IndexRow,
    LoadedThread,
    StoredCommit,
)
from squidie_core.journal.entries import RunSignalReceived
from squidie_core.ports.storage import DueRun, RunQuery, Storage

LONG_AGO = 1_000
FAR_FUTURE = 4_000_000_000_000
HOUR = 3_600_000
OFFERS = ("ring-errand:*",)

DUE_ROW = IndexRow(
    workflow="ring-errand",
    queue="default",
    priority=5,
    status="running",
    started_at=LONG_AGO,
    wake_at=LONG_AGO,
    needs=OFFERS,
)


class Changes(TypedDict, total=False):
    """How a row differs from the usual one."""

    workflow: str
    queue: str
    priority: int
    status: str
    started_at: int
    wake_at: int | None
    needs: tuple[str, ...]
    ended_at: int | None
    version: str | None
    tags: tuple[str, ...]
    min_reader: int
    start_digest: str
    parent: str | None


def row(**changes: Unpack[Changes]) -> IndexRow:
    """The index row of a run that is due, but for the changes."""
    return replace(DUE_ROW, **changes)


def always(index: IndexRow) -> Callable[[str, Sequence[StoredCommit]], IndexRow]:
    """A function for `rebuild_index` that derives this row from anything."""

    def derive(_: str, __: Sequence[StoredCommit]) -> IndexRow:
        return index

    return derive


def entries(*notes: str) -> str:
    """The text of as many entries as there are notes."""
    return encode_entries([RunSignalReceived(at=LONG_AGO, signal="cancel_run", comment=note) for note in notes])


def new_commit_id() -> int:
    return 1 + secrets.randbelow(2**63 - 1)


def append(thread_id: str, expected: Head = NO_HEAD, *notes: str, **changes: Unpack[Changes]) -> Append:
    """An append of one entry for each note; `changes` go to its index row."""
    body = entries(*(notes or ("a note",)))
    return Append(thread_id, expected, len(notes) or 1, body, row(**changes), new_commit_id())


def signed(one: Append) -> Append:
    """The append with an index row that can be told from all others: its status is the commit's id."""
    return replace(one, index=replace(one.index, status=str(one.commit_id)))


def commit_one(storage: Storage, one: Append) -> CommitResult:
    (result,) = storage.commit([Commit((one,))])
    return result


def write(storage: Storage, *appends: Append) -> None:
    """Commit the appends one after the other; each must be accepted."""
    for one in appends:
        assert commit_one(storage, one) == COMMITTED


def nudge(storage: Storage, *thread_ids: str) -> None:
    """Nudge the runs in a commit to a thread that nobody looks for."""
    nudger = append(f"nudger {new_commit_id()}", queue="nudgers", wake_at=None)
    assert storage.commit([Commit((nudger,), nudges=thread_ids)]) == [COMMITTED]


def history(storage: Storage, thread_id: str, *notes: str, **changes: Unpack[Changes]) -> list[Append]:
    """Give the thread one commit for each note."""
    written: list[Append] = []
    for note in notes:
        written.append(append(thread_id, written[-1].head if written else NO_HEAD, note, **changes))
        write(storage, written[-1])
    return written


def stored(one: Append) -> StoredCommit:
    """The append as a store gives it back."""
    return StoredCommit(one.expected.rev + 1, one.count, one.commit_id, one.expected.commit_id, one.body)


def loaded(storage: Storage, thread_id: str) -> LoadedThread:
    return storage.load([thread_id])[thread_id]


def commits_of(storage: Storage, thread_id: str) -> list[StoredCommit]:
    return list(storage.read(thread_id))


def fold(thread: LoadedThread) -> list[str]:
    """The texts of all commits of the thread, as a reader gets them who folds checkpoints made by `checkpoint_at`."""
    bodies: list[str] = [] if thread.checkpoint is None else json.loads(thread.checkpoint.body)
    return bodies + [commit.body for commit in thread.commits]


def checkpoint_at(appends: Sequence[Append]) -> Checkpoint:
    """The state after these appends from the thread's start."""
    return Checkpoint(appends[-1].head, 1, json.dumps([one.body for one in appends]))


def due_ids(storage: Storage, *, queue: str = "default", limit: int = 100, reserve_for: int = 0) -> list[str]:
    batch = storage.due(queue, offers=OFFERS, limit=limit, reserve_for=reserve_for)
    return [run.thread_id for run in batch.runs]


def due_runs(storage: Storage, *, limit: int = 100, reserve_for: int = 0) -> dict[str, DueRun]:
    batch = storage.due("default", offers=OFFERS, limit=limit, reserve_for=reserve_for)
    return {run.thread_id: run for run in batch.runs}


def find(storage: Storage, query: RunQuery | None = None) -> list[str]:
    return [run.thread_id for run in storage.find(query or RunQuery()).runs]


def pages(storage: Storage, query: RunQuery) -> list[list[str]]:
    """The thread ids of all pages."""
    found: list[list[str]] = []
    cursor: str | None = None
    while not found or cursor is not None:
        page = storage.find(replace(query, cursor=cursor))
        found.append([run.thread_id for run in page.runs])
        cursor = page.next_cursor
    return found
