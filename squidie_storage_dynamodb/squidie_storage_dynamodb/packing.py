"""Commits as bytes: `revision count commit-id previous length`, a line feed, the entries' JSON, a line feed, and so on.

Compressed (zlib) where that is shorter. A text begins with a digit, compressed bytes never do.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence

from squidie_core.errors import Corrupt
from squidie_core.journal.commit import StoredCommit

_WORTH_COMPRESSING = 256  # bytes


def squeeze(text: bytes) -> bytes:
    """The bytes, or shorter ones that stand for them."""
    if len(text) < _WORTH_COMPRESSING:
        return text
    return min(zlib.compress(text), text, key=len)


def pack(commits: Iterable[StoredCommit]) -> bytes:
    """The commits as bytes, the same bytes for the same commits."""
    return squeeze(
        b"".join(
            b"%d %d %d %d %d\n%s\n" % (c.rev, c.count, c.commit_id, c.previous, len(c.body), c.body.encode("ascii"))
            for c in commits
        )
    )


def unpack(packed: bytes) -> list[StoredCommit]:
    """The commits. Raises Corrupt."""
    try:
        text = packed if packed[:1].isdigit() else zlib.decompress(packed)
        commits: list[StoredCommit] = []
        at = 0
        while at < len(text):
            line = text.index(b"\n", at)
            rev, count, commit_id, previous, length = map(int, text[at:line].split())
            body = text[line + 1 : line + 1 + length]
            at = line + length + 2
            if len(body) != length or text[at - 1 : at] != b"\n":
                raise Corrupt("stored commits are cut off")
            commits.append(StoredCommit(rev, count, commit_id, previous, body.decode("ascii")))
    except (ValueError, zlib.error) as error:
        raise Corrupt(f"stored commits cannot be read: {type(error).__name__}") from error
    return commits


def unpack_each(blobs: Sequence[bytes]) -> list[StoredCommit]:
    """The commits of all of them. Raises Corrupt."""
    return [commit for packed in blobs for commit in unpack(packed)]


def unpack_all(blobs: Sequence[bytes]) -> list[StoredCommit]:
    """The commits of all that can be read; what cannot is missing, which whoever folds them finds out."""
    commits: list[StoredCommit] = []
    for packed in blobs:
        try:
            commits += unpack(packed)
        except Corrupt:
            continue
    return commits
