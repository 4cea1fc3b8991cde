"""Where a listing or a purge goes on: opaque text that only a page of this namespace gives."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from zlib import crc32

from squidie_core.errors import OptionError


def write_cursor(namespace: str, started_at: int, thread_id: str) -> str:
    """The place after this row of a listing."""
    return _write([namespace, started_at, thread_id])


def read_cursor(namespace: str, cursor: str) -> tuple[int, str]:
    """The start time and thread id of the row to go on after. Raises OptionError."""
    match _read(cursor):
        case [str(space), int(started_at), str(thread_id)] if space == namespace:
            return started_at, thread_id
        case _:
            raise _foreign("cursor", "next_cursor")


def write_place(namespace: str, started_at: int, thread_id: str, status: str) -> str:
    """The place after this run among those of its status."""
    return _write([namespace, started_at, thread_id, status])


def read_place(namespace: str, after: str) -> tuple[int, str, str]:
    """The start time, thread id and status of the run to go on after. Raises OptionError."""
    match _read(after):
        case [str(space), int(started_at), str(thread_id), str(status)] if space == namespace:
            return started_at, thread_id, status
        case _:
            raise _foreign("after", "next_after")


def _write(place: object) -> str:
    text = json.dumps(place, separators=(",", ":")).encode()
    return urlsafe_b64encode(crc32(text).to_bytes(4) + text).decode().rstrip("=")


def _read(cursor: str) -> object:
    """What was written, or None."""
    try:
        raw = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        place: object = json.loads(raw[4:])
        return place if _write(place) == cursor else None
    except (ValueError, TypeError):
        return None


def _foreign(option: str, source: str) -> OptionError:
    return OptionError(
        f"{option} is not one that a page of this namespace gave; pass `{source}` as it came, or None at first",
        details={"option": option},
    )
