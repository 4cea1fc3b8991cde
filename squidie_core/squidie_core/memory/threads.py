"""What the in-memory storage holds: each run's commits, and beside them what is not part of the journal."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import field

from squidie_core.dataclass import dataclass
from squidie_core.journal.commit import (
    NO_HEAD,
    Append,
    Checkpoint,
    Head,
    IndexRow,
    LoadedThread,
    StoredCommit,
)
from squidie_core.ports.storage import Tombstone


@dataclass(slots=True)
class Thread:
    """A run's commits, and beside them what is not part of the journal. Guarded by the world's lock."""

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

    @property
    def head(self) -> Head:
        """The identity of the thread's state."""
        return self.commits[-1].head if self.commits else NO_HEAD

    @property
    def due_at(self) -> int | None:
        """When a worker should look, whoever has reserved it."""
        times = [at for at in (self.index.wake_at, self.nudged_at) if at is not None]
        return min(times, default=None)

    def holds(self, append: Append) -> bool:
        """Whether this append has taken effect: its commit id stands at the revision where it would begin."""
        later = self.after(append.expected.rev)
        return bool(later) and (later[0].rev, later[0].commit_id) == (
            append.expected.rev + 1,
            append.commit_id,
        )

    def append(self, append: Append, now: int) -> None:
        """Write the append, whose fence holds."""
        rev, previous = append.expected
        self.commits.append(StoredCommit(rev + 1, append.count, append.commit_id, previous, append.body))
        self.index = append.index
        self.updated_at = now
        self.reserved_until, self.parked_until, self.park_reason, self.parked = 0, None, None, 0
        if append.index.ended_at is not None:
            self.nudged_at = None
        self.acknowledge(append.nudges_seen)

    def nudge(self, now: int) -> None:
        """Make it due now, whatever its index row says, unless it has ended."""
        self.nudges += 1
        if self.nudged_at is None and self.index.ended_at is None:
            self.nudged_at = now

    def acknowledge(self, nudges: int) -> None:
        """Forget that it was nudged, if that was no more than so many times."""
        if self.nudges <= nudges:
            self.nudged_at = None

    def after(self, rev: int) -> Sequence[StoredCommit]:
        """The commits that hold the revisions above `rev`."""
        return tuple(self.commits[bisect_right(self.commits, rev, key=_last_rev) :])

    def usable_checkpoint(self) -> Checkpoint | None:
        """The checkpoint, where it stands for a state that this thread was in."""
        if self.checkpoint is None:
            return None
        before = bisect_right(self.commits, self.checkpoint.head.rev, key=_last_rev)
        return self.checkpoint if before and self.commits[before - 1].head == self.checkpoint.head else None

    def loaded(self, known: Head | None = None) -> LoadedThread:
        """The thread from its checkpoint on, or what follows the head that the caller knows."""
        if known is not None:
            return LoadedThread(self.head, self.after(known.rev), None, self.nudges)
        checkpoint = self.usable_checkpoint()
        rev = 0 if checkpoint is None else checkpoint.head.rev
        return LoadedThread(self.head, self.after(rev), checkpoint, self.nudges)


def _last_rev(commit: StoredCommit) -> int:
    return commit.head.rev


@dataclass(slots=True)
class Namespace:
    """The threads, tombstones and blobs of one namespace, and how often each queue was polled."""

    threads: dict[str, Thread] = field(default_factory=dict[str, Thread])
    tombstones: dict[str, Tombstone] = field(default_factory=dict[str, Tombstone])
    blobs: dict[str, str] = field(default_factory=dict[str, str])
    polls: Counter[str] = field(default_factory=Counter[str])
