"""What a hint looks like on its way: the channel that it takes, and its text."""

from __future__ import annotations

import hashlib
import json
from typing import cast

_LONGEST = 7_999
"""Bytes that PostgreSQL takes."""


def channel(schema: str | None, namespace: str) -> str:
    """The channel of one namespace in one schema; an identifier that needs no quoting and fits into 63 bytes."""
    home = hashlib.sha256(json.dumps([schema, namespace]).encode()).hexdigest()
    return f"squidie_{home[:32]}"


def encode_hint(queue: str, count: int) -> str | None:
    """The text for so many runs of the queue, or None where the queue's name is too long for one."""
    text = json.dumps({"queue": queue, "count": count}, separators=(",", ":"))
    return text if len(text) <= _LONGEST else None


def decode_hint(text: str) -> tuple[str, int] | None:
    """Queue and count, or None for what is no hint of ours: anybody may send to a channel."""
    try:
        read: object = json.loads(text)
    except ValueError:
        return None
    if not isinstance(read, dict):
        return None
    hint = cast("dict[str, object]", read)
    queue, count = hint.get("queue"), hint.get("count")
    return (queue, count) if isinstance(queue, str) and type(count) is int else None
