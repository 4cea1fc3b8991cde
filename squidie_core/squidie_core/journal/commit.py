"""What is written at once, what comes back, and what identifies a state of a thread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from squidie_core.dataclass import record


class Head(NamedTuple):
    """The identity of a thread's state: the revision of its last entry and the id of the commit that wrote it.

    A revision alone is not an identity: a rolled-back transaction or a purged and restarted run can put other content
    under the same number.
    """

    rev: int
    commit_id: int


NO_HEAD = Head(0, 0)
"""The head of a thread that does not exist."""


@record(frozen=True, slots=True)
class IndexRow:
    """What operators list and workers look for, derived from the entries by the fold and written with them.

    `workflow`, `queue`, `priority` (0 first, 9 last), `version`, `tags`, `started_at`, `start_digest` and `parent`
    never change after the first append. `wake_at`: when a worker should look next, in milliseconds since the epoch;
    `None`: not before somebody writes to the thread. `needs`: what a worker must offer to advance the run, each
    `workflow:step`, or `workflow:*` where any worker that knows the workflow will do, or `*:action` for what is no step
    of a workflow; a worker that offers one of them can advance the run.
    """

    workflow: str
    queue: str
    priority: int
    status: str
    started_at: int
    wake_at: int | None
    needs: tuple[str, ...]
    ended_at: int | None = None
    """Not before `started_at`."""
    version: str | None = None
    tags: tuple[str, ...] = ()
    min_reader: int = 1
    """The lowest journal version whose readers understand the thread."""
    start_digest: str = ""
    """What a repeated start is compared with, also when the run was purged."""
    parent: str | None = None
    """The run that may await this one: as long as that one has not ended, purging leaves this one alone."""


@record(frozen=True, slots=True)
class Append:
    """Entries for one thread, whose head must be `expected` (`NO_HEAD`: the thread must not exist).

    `body` is the text of the entries (`journal.codec`): printable ASCII, at most `MAX_COMMIT_BYTES` long. `commit_id`
    is a random integer in 1 .. 2**63 - 1. `nudges_seen`: how many nudges of the run the decision had looked into; the
    append acknowledges these and no later ones.
    """

    thread_id: str
    expected: Head
    count: int
    body: str
    index: IndexRow
    commit_id: int
    nudges_seen: int = 0

    @property
    def head(self) -> Head:
        """The thread's head after this append."""
        return Head(self.expected.rev + self.count, self.commit_id)


@record(frozen=True, slots=True)
class Commit:
    """Appends to different threads that take effect together or not at all.

    `nudges` names runs that a worker should look at now, whatever their own index says: with the commit, the count of
    each rises by one.
    """

    appends: tuple[Append, ...]
    nudges: tuple[str, ...] = ()


@record(frozen=True, slots=True)
class Committed:
    """The commit took effect."""


@record(frozen=True, slots=True)
class Conflict:
    """The commit had no effect: a head was not the expected one. Reload and decide again."""

    thread_ids: tuple[str, ...]


@record(frozen=True, slots=True)
class Busy:
    """The commit had no effect, and the heads are still the expected ones: the decision stands, try again."""

    thread_ids: tuple[str, ...]


@record(frozen=True, slots=True)
class Refused:
    """The commit had no effect and will never have one: the store refuses its content."""

    error: Exception


CommitResult = Committed | Conflict | Busy | Refused

COMMITTED = Committed()


@record(frozen=True, slots=True)
class StoredCommit:
    """One append as stored: `rev` is its first entry's revision, `previous` the commit id before it (0: none)."""

    rev: int
    count: int
    commit_id: int
    previous: int
    body: str

    @property
    def head(self) -> Head:
        """The thread's head after this commit."""
        return Head(self.rev + self.count - 1, self.commit_id)


@record(frozen=True, slots=True)
class Checkpoint:
    """A folded state as text. Disposable: a missing, stale, foreign or corrupt one changes nothing."""

    head: Head
    fold_version: int
    body: str


@record(frozen=True, slots=True)
class LoadedThread:
    """A thread, or its tail: `commits` follow `checkpoint`, or the head that the caller said it has, or the start."""

    head: Head
    commits: Sequence[StoredCommit]
    checkpoint: Checkpoint | None = None
    nudges: int = 0
