"""Commits of any number and kind as groups that the database takes, and a result for each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from squidie_core.errors import EncodingError, OptionError, TooLarge, Unavailable
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

    Unavailable says `unknown` as soon as any of them may have taken effect. Raises OptionError for a thread that occurs
    twice.
    """
    _check_threads_differ(commits)
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


def _check_threads_differ(commits: Sequence[Commit]) -> None:
    thread_ids = [append.thread_id for commit in commits for append in commit.appends]
    if len(set(thread_ids)) == len(thread_ids):
        return
    twice = sorted(thread_id for thread_id, times in Counter(thread_ids).items() if times > 1)
    raise OptionError(
        f"{len(twice)} threads occur twice in one call of commit(), the first is {twice[0]!r}; "
        "join their entries into one append, or commit them one after the other",
        details={"thread_ids": twice},
    )


def _fault(commit: Commit) -> Exception | None:
    """Why no group should be burdened with this commit."""
    if len(commit.appends) > MAX_APPENDS:
        return TooLarge(
            f"a commit holds at most {MAX_APPENDS} appends, this one has {len(commit.appends)}; make several of it",
            details={"appends": len(commit.appends), "limit": MAX_APPENDS},
        )
    return next((fault for fault in map(_append_fault, commit.appends) if fault is not None), None)


def _append_fault(append: Append) -> Exception | None:
    details = {"thread_id": append.thread_id}
    if append.count < 1:
        return EncodingError("the append has no entries", details=details)
    if len(append.body) > MAX_COMMIT_BYTES:
        return TooLarge(
            f"the entries of one append take {len(append.body):,} bytes, they may take {MAX_COMMIT_BYTES:,}",
            details={**details, "bytes": len(append.body), "limit": MAX_COMMIT_BYTES},
        )
    if not (append.body.isascii() and append.body.isprintable()):
        return EncodingError("the entries are not printable ASCII; encode them with journal.codec", details=details)
    if not append.thread_id or "\0" in append.thread_id or not _is_unicode(append.thread_id):
        return EncodingError("a thread id is a text without NUL and lone surrogates, and not empty", details=details)
    return None


def _is_unicode(text: str) -> bool:
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:
        return False
