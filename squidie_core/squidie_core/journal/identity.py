"""Ids: new ones are UUIDv7 (RFC 9562, section 5.7), deterministic ones UUIDv5-shaped over length-prefixed parts."""

from __future__ import annotations

import hashlib
import json
import re
from uuid import UUID

from squidie_core.journal.entries import Json

_DEFERRED = re.compile(r":deferred(?:#([0-9]+))?\Z").search
"""At the end alone: a step may be called `deferred` too, and is followed by its attempt."""


def run_id_at(now: int, random: int) -> str:
    """The UUIDv7 with the time `now` (milliseconds since the epoch) and 74 bits of `random`."""
    value = (now & 0xFFFF_FFFF_FFFF) << 80 | 0x7 << 76 | (random >> 62 & 0xFFF) << 64
    value |= 0b10 << 62 | random & 0x3FFF_FFFF_FFFF_FFFF
    return str(UUID(int=value))


def derived_id(*parts: str) -> str:
    """The id that the parts name: the same parts always give the same id, and no other parts give it.

    The parts are joined as `<length in bytes>:<part>|...`; the first 16 bytes of the SHA-256 are the UUID, version 5.
    """
    text = "|".join(f"{len(part.encode(errors='surrogatepass'))}:{part}" for part in parts)
    raw = bytearray(hashlib.sha256(text.encode(errors="surrogatepass")).digest()[:16])
    raw[6] = raw[6] & 0x0F | 0x50
    raw[8] = raw[8] & 0x3F | 0x80
    return str(UUID(bytes=bytes(raw)))


def digest(value: Json) -> str:
    """The lower-case hexadecimal SHA-256 of the canonical text of a plain JSON value."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def deferrals(key: str) -> tuple[str, int]:
    """The key without its deferrals, and how often it was deferred."""
    found = _DEFERRED(key)
    return (key, 0) if found is None else (key[: found.start()], int(found[1] or 1))


def start_digest(trigger: str, payload_digest: str) -> str:
    """What starts of one run have in common beside the workflow."""
    return f"{trigger}:{payload_digest}"


def deferred_key(key: str) -> str:
    """The key of the continuation of a deferred runnable: `<key>:deferred`, the n-th time `<key>:deferred#<n>`."""
    origin, times = deferrals(key)
    return f"{origin}:deferred#{times + 1}" if times else f"{origin}:deferred"


def is_deferred_key(key: str) -> bool:
    """Whether the runnable continues a deferred one."""
    return deferrals(key)[1] > 0


def compensation_key(run_id: str, step: str, visit: int, attempt: int) -> str:
    """The key of an attempt to undo the step: `<run_id>:compensate:<step>:<attempt>`, visits as in `runnable_key`."""
    return runnable_key(run_id, f"compensate:{step}", visit, attempt)


def runnable_key(run_id: str, step: str, visit: int, attempt: int) -> str:
    """`<run_id>:<step>:<attempt>`, and `<run_id>:<step>#<visit>:<attempt>` from the second visit on."""
    return f"{run_id}:{step}:{attempt}" if visit == 1 else f"{run_id}:{step}#{visit}:{attempt}"
