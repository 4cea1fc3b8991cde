"""Where a listing or a purge goes on: opaque text that only a page of this storage gives."""

from __future__ import annotations

import base64
import re

from squidie_core.errors import OptionError


def write_cursor(started_at: int, thread_id: str) -> str:
    """The place after this thread."""
    return base64.urlsafe_b64encode(f"memory:{started_at}:{thread_id}".encode()).decode("ascii")


def read_cursor(cursor: str) -> tuple[int, str]:
    """The start time and id of the thread to go on after. Raises OptionError."""
    try:
        text = base64.b64decode(cursor, altchars=b"-_", validate=True).decode()
        _, started_at, thread_id = re.split(r"^memory:(-?[0-9]+):", text)
        return int(started_at), thread_id
    except ValueError:
        raise OptionError("cursor: no page gave this cursor; pass the next_cursor of a page of this storage") from None
