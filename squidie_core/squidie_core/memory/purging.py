"""What the in-memory storage forgets, and what is left of it."""

from __future__ import annotations

from collections.abc import Collection

from squidie_core.memory.threads import Namespace, Thread
from squidie_core.ports.storage import Tombstone


def purgeable(
    namespace: Namespace, before: int, statuses: Collection[str], after: tuple[int, str] | None
) -> list[tuple[int, str]]:
    """The start times and ids of the runs that may be purged, in order, those after the one named."""
    return sorted(
        (thread.index.started_at, thread_id)
        for thread_id, thread in namespace.threads.items()
        if _is_over(thread, before, statuses)
        and not _awaited(namespace, thread)
        and (after is None or (thread.index.started_at, thread_id) > after)
    )


def take(namespace: Namespace, thread_id: str, remember_until: int) -> Tombstone:
    """Remove the thread; what is left of it."""
    index = namespace.threads.pop(thread_id).index
    return Tombstone(
        workflow=index.workflow,
        status=index.status,
        start_digest=index.start_digest,
        ended_at=index.ended_at or 0,
        expires_at=remember_until,
    )


def _is_over(thread: Thread, before: int, statuses: Collection[str]) -> bool:
    index = thread.index
    ended = index.ended_at is not None and index.ended_at < before
    return ended and index.status in statuses and thread.quarantine_reason is None


def _awaited(namespace: Namespace, thread: Thread) -> bool:
    parent = namespace.threads.get(thread.index.parent or "")
    return parent is not None and parent.index.ended_at is None
