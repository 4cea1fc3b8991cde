"""Ids: new ones are UUIDv7 (RFC 9562, section 5.7), deterministic ones UUIDv5-shaped over length-prefixed parts."""

from __future__ import annotations

import hashlib
import json
from uuid import UUID

from squidie_core.journal.entries import Json

_DEFERRED = ":deferred"


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


def deferred_key(key: str) -> str:
    """The key of the continuation of a deferred runnable: `<key>:deferred`, the n-th time `<key>:deferred#<n>`."""
    origin, found, times = key.partition(_DEFERRED)
    return f"{origin}{_DEFERRED}#{int(times.removeprefix('#') or 1) + 1}" if found else f"{key}{_DEFERRED}"


def is_deferred_key(key: str) -> bool:
    """Whether the runnable continues a deferred one."""
    return _DEFERRED in key


def runnable_key(run_id: str, step: str, visit: int, attempt: int) -> str:
    """`<run_id>:<step>:<attempt>`, and `<run_id>:<step>#<visit>:<attempt>` from the second visit on."""
    return f"{run_id}:{step}:{attempt}" if visit == 1 else f"{run_id}:{step}#{visit}:{attempt}"
