"""Commits that a store can judge by themselves: it refuses them without being asked anything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from squidie_core.errors import EncodingError, OptionError, TooLarge
from squidie_core.journal.codec import MAX_COMMIT_BYTES
from squidie_core.journal.commit import Append, Commit


def check_threads_differ(commits: Sequence[Commit]) -> None:
    """Raise OptionError for a thread that occurs twice."""
    thread_ids = [append.thread_id for commit in commits for append in commit.appends]
    if len(set(thread_ids)) == len(thread_ids):
        return
    twice = sorted(thread_id for thread_id, times in Counter(thread_ids).items() if times > 1)
    raise OptionError(
        f"{len(twice)} threads occur twice in one call of commit(), the first is {twice[0]!r}; "
        "join their entries into one append, or commit them one after the other",
        details={"thread_ids": twice},
    )


def fault_of_entries(append: Append) -> Exception | None:
    """Why no store takes these entries, where none does."""
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
    return None


def fault(
    commit: Commit, *, max_appends: int, of_append: Callable[[Append], Exception | None] = fault_of_entries
) -> Exception | None:
    """Why a store that takes so many appends at once can never take the commit; None: it may.

    `of_append` says the same of an append, for stores that take fewer than `fault_of_entries` knows of.
    """
    if len(commit.appends) > max_appends:
        return TooLarge(
            f"a commit holds at most {max_appends} appends, this one has {len(commit.appends)}; make several of it",
            details={"appends": len(commit.appends), "limit": max_appends},
        )
    return next((found for found in map(of_append, commit.appends) if found is not None), None)


def is_unicode(*texts: str) -> bool:
    """Whether all of them can be encoded: they have no lone surrogates."""
    try:
        return all(text.isascii() or text.encode() for text in texts)
    except UnicodeEncodeError:
        return False
