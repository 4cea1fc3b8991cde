"""Immutable texts by their names."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence

from squidie_core.errors import Corrupt, EncodingError, TooLarge, Unavailable
from squidie_storage_dynamodb.appending import PIECE_BYTES
from squidie_storage_dynamodb.expressions import put
from squidie_storage_dynamodb.failures import Declined, unstorable
from squidie_storage_dynamodb.keys import is_name
from squidie_storage_dynamodb.table import Table
from squidie_storage_dynamodb.values import Item, Value

_MOST_PIECES = 10  # a transaction holds 4 MB


def put_blob(table: Table, digest: str, body: str) -> None:
    """Keep a text under its name unless there is one. Raises TooLarge for what takes 4 MB when compressed."""
    if not is_name(digest):
        raise EncodingError("the name of a blob has at most 1,800 bytes of UTF-8")
    packed = zlib.compress(body.encode())
    starts = range(0, len(packed), PIECE_BYTES)
    if len(starts) > _MOST_PIECES:
        raise TooLarge(f"a blob takes at most {_MOST_PIECES * PIECE_BYTES:,} bytes, this one takes {len(packed):,}")
    items: list[dict[str, Value]] = [
        {**table.keys.blob(digest, piece), "body": packed[start : start + PIECE_BYTES], "pieces": len(starts)}
        for piece, start in enumerate(starts)
    ]
    absent = "attribute_not_exists(#pk)"
    try:
        if len(items) == 1:
            table.put(items[0], absent)
        else:
            table.transact([{"Put": put(table.name, item, absent)} for item in items])
    except Declined as declined:
        if declined.why == "content":
            raise unstorable(str(declined)) from declined.__cause__
        if declined.why == "conflict" and table.get(table.keys.blob(digest)) is None:
            raise Unavailable("another transaction is writing this blob; try again", code="busy") from None


def get_blobs(table: Table, digests: Sequence[str]) -> dict[str, str]:
    """The texts that exist, in one round trip, and another where some take several items."""
    wanted = {table.keys.blob(digest)["pk"]: digest for digest in digests if is_name(digest)}
    first = {item["pk"]: item for item in table.get_many(table.keys.blob(digest) for digest in wanted.values())}
    further = [table.keys.blob(wanted[pk], piece) for pk, item in first.items() for piece in range(1, item["pieces"])]
    pieces: dict[str, list[Item]] = {pk: [item] for pk, item in first.items()}
    for item in table.get_many(further):
        pieces[item["pk"]].append(item)
    return {wanted[pk]: _text(wanted[pk], items) for pk, items in pieces.items()}


def _text(digest: str, items: Sequence[Mapping[str, bytes]]) -> str:
    packed = b"".join(item["body"] for item in sorted(items, key=lambda item: item["sk"]))
    try:
        return zlib.decompress(packed).decode()
    except (ValueError, zlib.error) as error:
        raise Corrupt(f"the blob {digest!r} cannot be read: {type(error).__name__}") from error
