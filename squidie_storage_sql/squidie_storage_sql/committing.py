"""Commits of any number and kind as groups that the database takes, and a result for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from squidie_core.errors import EncodingError, StorageError, TooLarge, Unavailable
from squidie_core.journal.codec import MAX_COMMIT_BYTES
from squidie_core.journal.commit import COMMITTED, Refused
from squidie_storage_sql.database import Rejected

if TYPE_CHECKING:
    from squidie_core.journal.commit import Append, Commit, CommitResult
    from squidie_storage_sql.database import Database

GROUP_COMMITS = 256
GROUP_BYTES = 4 * 1024 * 1024
MAX_APPENDS = 100


def commit_all(database: Database, commits: Sequence[Commit]) -> list[CommitResult]:
    """Results in the order of the commits; each took effect whole or not at all.

    Unavailable says `unknown` as soon as any of them may have taken effect.
    """
    results: dict[int, CommitResult] = {}
    takable: list[tuple[int, Commit]] = []
    for place, commit in enumerate(commits):
        fault = _fault(commit)
        if fault is None:
            takable.append((place, commit))
        else:
            results[place] = Refused(fault)
    sent = False
    for group in _groups(takable, share=database.shares_transactions):
        try:
            answers = _commit_group(database, [commit for _, commit in group])
        except Unavailable as error:
            raise (_unknown(error) if sent else error) from error.__cause__
        sent = True
        results.update(zip((place for place, _ in group), answers, strict=True))
    return [results[place] for place in range(len(commits))]


def _commit_group(database: Database, commits: Sequence[Commit]) -> Sequence[CommitResult]:
    """Submit the group; where one member spoils it, halve it until only that one is refused."""
    try:
        return database.commit(commits)
    except Rejected as rejected:
        if len(commits) == 1:
            return [Refused(rejected.error)]
    middle = len(commits) // 2
    first = _commit_group(database, commits[:middle])
    try:
        return [*first, *_commit_group(database, commits[middle:])]
    except Unavailable as error:
        if COMMITTED in first:
            raise _unknown(error) from error.__cause__
        raise


def _unknown(error: Unavailable) -> Unavailable:
    return Unavailable(error.message, outcome="unknown")


def _groups(commits: Sequence[tuple[int, Commit]], *, share: bool) -> Iterator[list[tuple[int, Commit]]]:
    """Cut where a group gets too large, would hold a thread twice, or may not hold a commit of several appends."""
    group: list[tuple[int, Commit]] = []
    threads = set[str]()
    size = 0
    for place, commit in commits:
        own_threads = {a.thread_id for a in commit.appends}
        own_size = sum(len(a.body) for a in commit.appends)
        alone = len(commit.appends) > 1 and not share
        full = len(group) >= GROUP_COMMITS or size + own_size > GROUP_BYTES
        if group and (alone or full or not threads.isdisjoint(own_threads)):
            yield group
            group, threads, size = [], set[str](), 0
        if alone:
            yield [(place, commit)]
            continue
        group.append((place, commit))
        threads |= own_threads
        size += own_size
    if group:
        yield group


def _fault(commit: Commit) -> Exception | None:
    """Why no group should be burdened with this commit."""
    appends = commit.appends
    if not appends or len(appends) > MAX_APPENDS:
        return TooLarge(
            f"a commit holds 1 to {MAX_APPENDS} appends, this one {len(appends)}; write it in several commits",
            details={"appends": len(appends), "limit": MAX_APPENDS},
        )
    if len(appends) > 1 and len({a.thread_id for a in appends}) < len(appends):
        return StorageError("a commit holds at most one append per thread; put its entries into one append")
    return next(filter(None, map(_append_fault, appends)), None)


def _append_fault(append: Append) -> Exception | None:
    if len(append.body) > MAX_COMMIT_BYTES:
        return TooLarge(
            f"the entries of one append take {len(append.body):,} bytes, they may take {MAX_COMMIT_BYTES:,}",
            details={"bytes": len(append.body), "limit": MAX_COMMIT_BYTES},
        )
    if not append.body.isascii():
        return EncodingError("the entries of an append are ASCII text")
    if not append.thread_id or "\0" in append.thread_id:
        return EncodingError("a thread id has at least one character, and none of them is NUL")
    return None
