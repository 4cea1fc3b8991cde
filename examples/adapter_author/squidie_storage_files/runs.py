"""One run, as its file holds it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from squidie_core.journal.codec import READER_VERSION
from squidie_core.journal.commit import NO_HEAD, Append, Checkpoint, Head, IndexRow, LoadedThread, StoredCommit
from squidie_core.ports.storage import HeadStatus, RunRow, Tombstone


@dataclass(slots=True, kw_only=True)
class Run:
    """A thread's commits, its index row, and what is no part of the journal."""

    thread_id: str
    commits: list[StoredCommit]
    index: IndexRow
    updated_at: int
    checkpoint: Checkpoint | None = None
    reserved_until: int = 0
    parked_until: int | None = None
    park_reason: str | None = None
    parked: int = 0
    nudges: int = 0
    nudged_at: int | None = None
    quarantine_reason: str | None = None
    quarantined_by: str | None = None

    @classmethod
    def started(cls, append: Append, now: int) -> Run:
        """A run before its first append."""
        return cls(thread_id=append.thread_id, commits=[], index=append.index, updated_at=now)

    @classmethod
    def read(cls, plain: dict[str, Any]) -> Run:
        """From JSON."""
        index: dict[str, Any] = dict(plain["index"])
        index |= {"needs": tuple(index["needs"]), "tags": tuple(index["tags"])}
        checkpoint: dict[str, Any] | None = plain["checkpoint"]
        if checkpoint is not None:
            checkpoint |= {"head": Head(*checkpoint["head"])}
        rest: dict[str, Any] = dict(plain)
        rest |= {
            "commits": [StoredCommit(**commit) for commit in plain["commits"]],
            "index": IndexRow(**index),
            "checkpoint": None if checkpoint is None else Checkpoint(**checkpoint),
        }
        return cls(**rest)

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    @property
    def head(self) -> Head:
        """The identity of its state."""
        return self.commits[-1].head if self.commits else NO_HEAD

    def holds(self, append: Append) -> bool:
        """Whether this very append has taken effect."""
        later = self.after(append.expected.rev)
        return bool(later) and (later[0].rev, later[0].commit_id) == (append.expected.rev + 1, append.commit_id)

    def append(self, append: Append, now: int) -> None:
        """Take in an append at the head."""
        rev, previous = append.expected
        self.commits.append(StoredCommit(rev + 1, append.count, append.commit_id, previous, append.body))
        self.index, self.updated_at = append.index, now
        self.reserved_until, self.parked_until, self.park_reason, self.parked = 0, None, None, 0
        if append.index.ended_at is not None:
            self.nudged_at = None
        self.acknowledge(append.nudges_seen)

    def nudge(self, now: int) -> None:
        """Make it due, unless it has ended."""
        self.nudges += 1
        if self.nudged_at is None and self.index.ended_at is None:
            self.nudged_at = now

    def acknowledge(self, nudges: int) -> None:
        """Forget that it was nudged, if that was no more than so many times."""
        if self.nudges <= nudges:
            self.nudged_at = None

    def after(self, rev: int) -> list[StoredCommit]:
        """The commits that hold the revisions above."""
        return self.commits[bisect_right(self.commits, rev, key=lambda commit: commit.head.rev) :]

    def usable_checkpoint(self) -> Checkpoint | None:
        """The checkpoint, if this thread was in its state."""
        known = self.checkpoint is not None and self.checkpoint.head in (commit.head for commit in self.commits)
        return self.checkpoint if known else None

    def loaded(self, known: Head | None = None) -> LoadedThread:
        """What a load gives to who knows this head."""
        if known is not None:
            return LoadedThread(self.head, self.after(known.rev), None, self.nudges)
        checkpoint = self.usable_checkpoint()
        rev = 0 if checkpoint is None else checkpoint.head.rev
        return LoadedThread(self.head, self.after(rev), checkpoint, self.nudges)

    @property
    def due_at(self) -> int | None:
        """When a worker should look, whoever has reserved it; `None`: not before somebody writes or nudges."""
        times = [at for at in (self.index.wake_at, self.nudged_at) if at is not None]
        return min(times, default=None)

    def concerns(self, queue: str, offers: set[str]) -> bool:
        """Whether a worker of the queue with these offers can advance it."""
        return (
            self.index.queue == queue
            and self.quarantine_reason is None
            and self.index.min_reader <= READER_VERSION
            and not offers.isdisjoint(self.index.needs)
        )

    def is_over(self, before: int, statuses: Sequence[str]) -> bool:
        """Whether it may be purged."""
        ended = self.index.ended_at is not None and self.index.ended_at < before
        return ended and self.index.status in statuses and self.quarantine_reason is None

    def tombstone(self, remember_until: int) -> dict[str, Any]:
        """What is left of it, as JSON."""
        index = self.index
        left = Tombstone(
            workflow=index.workflow,
            status=index.status,
            start_digest=index.start_digest,
            ended_at=index.ended_at or 0,
            expires_at=remember_until,
        )
        return asdict(left)

    def status(self) -> HeadStatus:
        """The cheap look."""
        return HeadStatus(
            head=self.head,
            status=self.index.status,
            nudges=self.nudges,
            parked_until=self.parked_until,
            park_reason=self.park_reason,
            quarantine_reason=self.quarantine_reason,
        )

    def row(self) -> RunRow:
        """As it is listed."""
        return RunRow(
            thread_id=self.thread_id,
            head=self.head,
            index=self.index,
            updated_at=self.updated_at,
            parked_until=self.parked_until,
            park_reason=self.park_reason,
            quarantine_reason=self.quarantine_reason,
        )
