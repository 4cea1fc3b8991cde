"""Appends as the arrays that the commit statements take."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from squidie_core.journal.commit import Append


def append_arrays(appends: Sequence[Append]) -> dict[str, Any]:
    """The arrays for appends to threads that exist."""
    rows = [a.index for a in appends]
    return {
        "thread_ids": [a.thread_id for a in appends],
        "expected_revs": [a.expected.rev for a in appends],
        "expected_commit_ids": [a.expected.commit_id for a in appends],
        "counts": [a.count for a in appends],
        "commit_ids": [a.commit_id for a in appends],
        "bodies": [a.body for a in appends],
        "min_readers": [row.min_reader for row in rows],
        "statuses": [row.status for row in rows],
        "needs": [array_literal(row.needs) for row in rows],
        "wake_ats": [row.wake_at for row in rows],
        "ended_ats": [row.ended_at for row in rows],
    }


def start_arrays(appends: Sequence[Append]) -> dict[str, Any]:
    """The same and what only a start writes."""
    rows = [a.index for a in appends]
    return append_arrays(appends) | {
        "workflows": [row.workflow for row in rows],
        "versions": [row.version for row in rows],
        "queues": [row.queue for row in rows],
        "priorities": [row.priority for row in rows],
        "started_ats": [row.started_at for row in rows],
        "tags": [array_literal(row.tags) for row in rows],
    }


@lru_cache(maxsize=4096)
def array_literal(names: tuple[str, ...]) -> str:
    """An array as PostgreSQL writes it, because arrays of arrays must not be ragged."""
    quoted = (name.replace("\\", "\\\\").replace('"', '\\"') for name in names)
    return "{" + ",".join(f'"{name}"' for name in quoted) + "}"
