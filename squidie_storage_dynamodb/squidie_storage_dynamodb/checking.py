"""What no request should be burdened with: commits that can be refused without asking DynamoDB."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from squidie_core.errors import EncodingError, OptionError, TooLarge
from squidie_core.journal.codec import MAX_COMMIT_BYTES
from squidie_core.journal.commit import Append, Commit
from squidie_storage_dynamodb.keys import fits, is_name

MAX_APPENDS = 80
"""A transaction has at most 100 items; this leaves some for the nudges and for large commits."""


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


def fault(commit: Commit) -> Exception | None:
    """Why the store can never take the commit, where that can be seen from here."""
    if len(commit.appends) > MAX_APPENDS:
        return TooLarge(
            f"a commit holds at most {MAX_APPENDS} appends, this one has {len(commit.appends)}; make several of it",
            details={"appends": len(commit.appends), "limit": MAX_APPENDS},
        )
    return next((found for found in map(_append_fault, commit.appends) if found is not None), None)


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
    if not fits(append.thread_id):
        return EncodingError("a thread id is a text of 1 to 900 bytes of UTF-8", details=details)
    index = append.index
    if not is_name(index.queue):
        return EncodingError("a queue's name has at most 1,800 bytes of UTF-8", details=details)
    if not _is_unicode(index.workflow, index.status, index.version or "", *index.needs, *index.tags):
        return EncodingError("the index row holds text that is not Unicode", details=details)
    return None


def _is_unicode(*texts: str) -> bool:
    try:
        return all(text.isascii() or text.encode() for text in texts)
    except UnicodeEncodeError:
        return False
