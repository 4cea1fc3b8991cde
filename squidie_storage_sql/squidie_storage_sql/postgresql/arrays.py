"""Sets as PostgreSQL's binary arrays, and appends as the arrays that the commit statements take.

psycopg writes lists as text, which costs more for a group of commits than all its other work.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from psycopg.adapt import Dumper
from psycopg.pq import Format
from psycopg.types.numeric import Int8

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg.abc import AdaptContext

    from squidie_core.journal.commit import Append

_TEXT, _TEXT_ARRAY = 25, 1009
_INT8, _INT8_ARRAY = 20, 1016

_HEADER = struct.Struct("!iiIii")
"""Dimensions, whether there may be nulls, the elements' type; their number, the index of the first."""
_SIZE = struct.Struct("!i")
_SIZED_INT8 = struct.Struct("!iq")
_NULL = _SIZE.pack(-1)


class TextArray(list[str | None]):
    """A parameter of type text[]."""


class Int8Array(list[int | None]):
    """A parameter of type int8[]."""


class TextArrayDumper(Dumper):
    """Writes a TextArray."""

    format = Format.BINARY
    oid = _TEXT_ARRAY

    def dump(self, obj: TextArray) -> bytes:
        """The binary form."""
        parts = [_header(_TEXT, len(obj))]
        for text in obj:
            if text is None:
                parts.append(_NULL)
            else:
                data = text.encode()
                parts += (_SIZE.pack(len(data)), data)
        return b"".join(parts)


class Int8ArrayDumper(Dumper):
    """Writes an Int8Array."""

    format = Format.BINARY
    oid = _INT8_ARRAY

    def dump(self, obj: Int8Array) -> bytes:
        """The binary form."""
        numbers = (_NULL if number is None else _SIZED_INT8.pack(8, number) for number in obj)
        return _header(_INT8, len(obj)) + b"".join(numbers)


def _header(element: int, length: int) -> bytes:
    return _HEADER.pack(1, 1, element, length, 1)


def register(context: AdaptContext) -> None:
    """Let a connection send these arrays."""
    context.adapters.register_dumper(TextArray, TextArrayDumper)
    context.adapters.register_dumper(Int8Array, Int8ArrayDumper)


def append_arrays(appends: Sequence[Append]) -> dict[str, Any]:
    """The arrays for appends to threads that exist."""
    rows = [a.index for a in appends]
    return {
        "thread_ids": TextArray([a.thread_id for a in appends]),
        "expected_revs": Int8Array([a.expected.rev for a in appends]),
        "expected_commit_ids": Int8Array([a.expected.commit_id for a in appends]),
        "counts": Int8Array([a.count for a in appends]),
        "commit_ids": Int8Array([a.commit_id for a in appends]),
        "bodies": TextArray([a.body for a in appends]),
        "min_readers": Int8Array([row.min_reader for row in rows]),
        "statuses": TextArray([row.status for row in rows]),
        "needs": TextArray([array_literal(row.needs) for row in rows]),
        "wake_ats": Int8Array([row.wake_at for row in rows]),
        "ended_ats": Int8Array([row.ended_at for row in rows]),
        "nudges_seen": Int8Array([a.nudges_seen for a in appends]),
    }


def start_arrays(appends: Sequence[Append]) -> dict[str, Any]:
    """The same and what only a start writes."""
    rows = [a.index for a in appends]
    return append_arrays(appends) | {
        "workflows": TextArray([row.workflow for row in rows]),
        "versions": TextArray([row.version for row in rows]),
        "queues": TextArray([row.queue for row in rows]),
        "priorities": Int8Array([row.priority for row in rows]),
        "started_ats": Int8Array([row.started_at for row in rows]),
        "tags": TextArray([array_literal(row.tags) for row in rows]),
        "start_digests": TextArray([row.start_digest for row in rows]),
        "parents": TextArray([row.parent for row in rows]),
    }


def append_row(append: Append) -> dict[str, Any]:
    """The values for one append to a thread that exists."""
    row = append.index
    return {
        "run_id": append.thread_id,
        "expected_rev": Int8(append.expected.rev),
        "expected_commit_id": Int8(append.expected.commit_id),
        "count": Int8(append.count),
        "commit_id": Int8(append.commit_id),
        "body": append.body,
        "min_reader": Int8(row.min_reader),
        "status": row.status,
        "needs": array_literal(row.needs),
        "wake_at": _int8(row.wake_at),
        "ended_at": _int8(row.ended_at),
        "nudges_seen": Int8(append.nudges_seen),
    }


def start_row(append: Append) -> dict[str, Any]:
    """The same and what only a start writes."""
    row = append.index
    return append_row(append) | {
        "workflow": row.workflow,
        "version": row.version,
        "queue": row.queue,
        "priority": Int8(row.priority),
        "started_at": Int8(row.started_at),
        "tags": array_literal(row.tags),
        "start_digest": row.start_digest,
        "parent": row.parent,
    }


def _int8(number: int | None) -> Int8 | None:
    """Of one type whatever the size: a statement is prepared for each combination of types."""
    return None if number is None else Int8(number)


@lru_cache(maxsize=4096)
def array_literal(names: tuple[str, ...]) -> str:
    """An array in its text form: an array of arrays must not be ragged, an array of these may."""
    quoted = (name.replace("\\", "\\\\").replace('"', '\\"') for name in names)
    return "{" + ",".join(f'"{name}"' for name in quoted) + "}"
