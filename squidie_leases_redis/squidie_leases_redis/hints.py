"""What hints look like on their way: the channel that they take, and their text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

    from squidie_leases_redis.options import RedisOptions


def channel(options: RedisOptions) -> str:
    """The channel of a namespace. The databases of a server share its channels."""
    return f"{options.prefix}:{options.namespace}:hints"


def encode_hints(queues: Mapping[str, int]) -> str:
    """The text for so many runs of each queue."""
    return json.dumps(dict(queues), separators=(",", ":"))


def decode_hints(text: str) -> Mapping[str, int]:
    """The counts by queue; none where it is no text of ours: anybody may send to a channel."""
    try:
        read: object = json.loads(text)
    except ValueError:
        return {}
    hints = cast("dict[str, object]", read) if isinstance(read, dict) else {}
    return {queue: count for queue, count in hints.items() if type(count) is int}
