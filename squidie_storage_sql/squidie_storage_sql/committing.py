"""Commits of any number and kind as groups that the database takes, and a result for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from squidie_core.adapters.accepting import check_threads_differ, fault, fault_of_entries, is_unicode
from squidie_core.errors import EncodingError, Unavailable
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

    Unavailable says `unknown` as soon as any of them may have taken effect. Raises OptionError for a thread that occurs
    twice.
    """
    check_threads_differ(commits)
    results: dict[int, CommitResult] = {}
    takable: list[tuple[int, Commit]] = []
    for place, commit in enumerate(commits):
        found = fault(commit, max_appends=MAX_APPENDS, of_append=_fault)
        if found is None:
            takable.append((place, commit))
        else:
            results[place] = Refused(found)
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
    """Cut where a group gets too large; a commit of several appends is one of its own unless they `share`."""
    group: list[tuple[int, Commit]] = []
    size = 0
    for place, commit in commits:
        own_size = sum(len(append.body) for append in commit.appends)
        alone = len(commit.appends) > 1 and not share
        if group and (alone or len(group) >= GROUP_COMMITS or size + own_size > GROUP_BYTES):
            yield group
            group, size = [], 0
        if alone:
            yield [(place, commit)]
        else:
            group.append((place, commit))
            size += own_size
    if group:
        yield group


def _fault(append: Append) -> Exception | None:
    """Why no group should be burdened with this append."""
    thread_id = append.thread_id
    if not thread_id or "\0" in thread_id or not is_unicode(thread_id):
        return EncodingError(
            "a thread id is a text without NUL and lone surrogates, and not empty", details={"thread_id": thread_id}
        )
    return fault_of_entries(append)
