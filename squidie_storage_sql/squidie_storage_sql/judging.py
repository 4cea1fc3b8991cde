"""What became of a commit, from where its threads stand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from squidie_core.journal.commit import COMMITTED, NO_HEAD, Busy, Conflict, Head

if TYPE_CHECKING:
    from squidie_core.journal.commit import Append, Commit, CommitResult
    from squidie_storage_sql.database import Row


class Standing(NamedTuple):
    """A thread's head, and the id of the commit that begins at a revision somebody wants to write (None: no commit)."""

    head: Head
    taken_by: int | None


def next_revs(commits: Iterable[Commit]) -> list[tuple[str, int]]:
    """What to ask about: each thread, and the revision after the expected head."""
    return [(a.thread_id, a.expected.rev + 1) for commit in commits for a in commit.appends]


def standings(rows: Sequence[Row]) -> dict[str, Standing]:
    """Standings by thread id, from rows (run_id, rev, commit_id, commit_id of the commit at the asked revision)."""
    return {
        thread_id: Standing(Head(rev, commit_id) if rev is not None else NO_HEAD, taken_by)
        for thread_id, rev, commit_id, taken_by in rows
    }


def judge(commit: Commit, known: dict[str, Standing]) -> CommitResult:
    """Committed if it took effect at some time, Conflict if a head is not the expected one, Busy if all are.

    A commit whose own id stands where it wanted to write took effect before, and its answer was lost.
    """
    if any(known[a.thread_id].taken_by == a.commit_id for a in commit.appends):
        return COMMITTED
    moved = tuple(a.thread_id for a in commit.appends if _moved(a, known[a.thread_id]))
    return Conflict(moved) if moved else Busy(tuple(a.thread_id for a in commit.appends))


def _moved(append: Append, standing: Standing) -> bool:
    return standing.head != append.expected or standing.taken_by is not None


def nudged(commits: Iterable[Commit]) -> list[tuple[str | None, str]]:
    """The runs that these commits want looked at, each with a thread that is written if its commit takes effect.

    None where the commit writes none.
    """
    return [
        (commit.appends[0].thread_id if commit.appends else None, thread_id)
        for commit in commits
        for thread_id in dict.fromkeys(commit.nudges)
    ]
