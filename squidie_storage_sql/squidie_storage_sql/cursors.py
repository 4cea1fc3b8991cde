"""Where a listing goes on: opaque text that only a page of this listing gives."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from zlib import crc32

from squidie_core.errors import OptionError


def write_cursor(namespace: str, started_at: int, thread_id: str) -> str:
    """The place after this row."""
    text = json.dumps([namespace, started_at, thread_id], separators=(",", ":")).encode()
    return urlsafe_b64encode(crc32(text).to_bytes(4) + text).decode().rstrip("=")


def read_cursor(namespace: str, cursor: str) -> tuple[int, str]:
    """The start time and thread id of the row to go on after. Raises OptionError."""
    try:
        raw = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        _, started_at, thread_id = json.loads(raw[4:])
        if write_cursor(namespace, started_at, thread_id) == cursor:
            return started_at, thread_id
    except (ValueError, TypeError):
        pass
    raise OptionError(
        "cursor is not one that a page of this namespace gave; pass `next_cursor` as it came, or None at first",
        details={"option": "cursor"},
    )
