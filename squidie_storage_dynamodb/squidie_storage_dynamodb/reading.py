"""Journals from their heads and segments. The head is read first, and nothing beyond it is given."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from squidie_core.journal.commit import Head, StoredCommit
from squidie_storage_dynamodb import keys
from squidie_storage_dynamodb.expressions import query
from squidie_storage_dynamodb.packing import unpack_all
from squidie_storage_dynamodb.runs import Run, read_run
from squidie_storage_dynamodb.table import Table

_LOOKS = 3
_NO_LIMIT = 2**62

Unpacked = Callable[[Sequence[bytes]], list[StoredCommit]]


def current(table: Table, thread_id: str) -> Run | None:
    """The run as it is now, if it exists."""
    return read_run(table.keys, table.get(table.keys.head(thread_id))) if keys.fits(thread_id) else None


def current_all(table: Table, thread_ids: Sequence[str], *, only: Sequence[str] = ()) -> dict[str, Run]:
    """Those that exist, in one round trip for each hundred."""
    wanted = {thread_id for thread_id in thread_ids if keys.fits(thread_id)}
    items = table.get_many((table.keys.head(thread_id) for thread_id in wanted), only=only)
    runs = (read_run(table.keys, item) for item in items)
    return {run.thread_id: run for run in runs if run is not None}


def journal(
    table: Table, run: Run, after: int = 0, limit: int | None = None, *, unpacked: Unpacked = unpack_all
) -> tuple[Run | None, Sequence[StoredCommit]]:
    """The commits that hold the revisions above `after`, at most `limit`, and the run that they lead to.

    The run is a later one, or none, where it was purged meanwhile. What cannot be read is missing among the commits,
    unless `unpacked` raises Corrupt for it.
    """
    seen: Run | None = run
    commits: list[StoredCommit] = []
    if limit == 0:
        return seen, commits
    for _ in range(_LOOKS):
        if seen is None:
            break
        commits = _journal(table, seen, after, _NO_LIMIT if limit is None else limit, unpacked)
        if _is_whole(commits, after, seen.head, limit):
            break
        before, seen = seen, current(table, run.thread_id)
        if before == seen:
            break
    return seen, commits


def commit_at(table: Table, run: Run, rev: int) -> StoredCommit | None:
    """The commit that begins at this revision."""
    _, commits = journal(table, run, rev - 1, 1)
    return commits[0] if commits and commits[0].rev == rev else None


def _journal(table: Table, run: Run, after: int, limit: int, unpacked: Unpacked) -> list[StoredCommit]:
    """A query where some of the revisions are in segments, nothing where all are in the tail."""
    tail = unpacked(run.tail)
    last = max([run.head.rev, *(commit.head.rev for commit in tail)])
    found = {commit.rev: commit for commit in tail if commit.head.rev > after}
    if run.spilled > after:
        for packed in _segments(table, run, after):
            found.update((c.rev, c) for c in unpacked([packed]) if after < c.head.rev <= last)
            if len(found) >= limit and _reaches(found, after, limit):
                break
    return [found[rev] for rev in sorted(found)][:limit]


def _segments(table: Table, run: Run, after: int) -> Iterator[bytes]:
    first, last = keys.segments_from(run.origin, after + 1)
    request = query(
        table.name,
        "#pk = :pk AND #sk BETWEEN :first AND :last",
        pk=table.keys.run(run.thread_id),
        first=first,
        last=last,
    )
    pieces: list[bytes] = []
    for page in table.pages(request):
        for item in page:
            pieces.append(item["commits"])
            if len(pieces) == item["pieces"]:
                yield b"".join(pieces)
                pieces = []


def _reaches(found: dict[int, StoredCommit], after: int, limit: int) -> bool:
    """Whether the first `limit` commits are there, without a gap."""
    first = [found[rev] for rev in sorted(found)[:limit]]
    return first[0].rev <= after + 1 and all(b.rev == a.head.rev + 1 for a, b in pairwise(first))


def _is_whole(commits: Sequence[StoredCommit], after: int, head: Head, limit: int | None) -> bool:
    if not commits:
        return after >= head.rev
    is_gapless = commits[0].rev <= after + 1 and all(b.rev == a.head.rev + 1 for a, b in pairwise(commits))
    return is_gapless and (commits[-1].head == head or len(commits) == limit)
