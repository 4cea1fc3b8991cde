"""Where a listing goes on: opaque text that only a page of this namespace gives."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from zlib import crc32

from squidie_core.errors import OptionError


def write_cursor(namespace: str, place: str) -> str:
    """The place after this one in the listing."""
    text = f"{namespace}/{place}".encode()
    return urlsafe_b64encode(crc32(text).to_bytes(4, "big") + text).decode().rstrip("=")


def read_cursor(namespace: str, cursor: str) -> str:
    """The place to go on after. Raises OptionError."""
    try:
        raw = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        place = raw[4:].decode().removeprefix(f"{namespace}/")
        if write_cursor(namespace, place) == cursor:
            return place
    except ValueError:
        pass
    raise OptionError(
        "cursor is not one that a page of this namespace gave; pass `next_cursor` as it came, or None at first",
        details={"option": "cursor"},
    )
