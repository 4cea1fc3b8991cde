"""Forgetting runs that ended long ago, and telling of those that were forgotten."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from squidie_core.dataclass import record
from squidie_core.errors import PurgedError
from squidie_core.inspection.times import moment, text
from squidie_core.ports.storage import Storage, Tombstone

AT_ONCE = 100
"""How many runs go in one transaction."""


@record(frozen=True, slots=True, kw_only=True)
class Purge:
    """What a purge took, or would take: runs that ended `before`, and tombstones whose time was over."""

    runs: int
    tombstones: int
    before: datetime


def purge(
    storage: Storage, *, before: int, statuses: Iterable[str], remember_until: int, limit: int | None, dry_run: bool
) -> Purge:
    """Purge in small transactions, at most `limit` runs. Times in milliseconds since the epoch."""
    chosen = tuple(statuses)
    runs = tombstones = 0
    after: str | None = None
    while True:
        at_once = AT_ONCE if limit is None else min(AT_ONCE, limit - runs)
        page = storage.purge(
            before=before,
            statuses=chosen,
            remember_until=remember_until,
            limit=at_once,
            after=after,
            dry_run=dry_run,
        )
        runs, tombstones, after = runs + len(page.run_ids), tombstones + page.expired, page.next_after
        if after is None or runs == limit:
            break
    while not dry_run and page.expired == at_once:
        at_once = AT_ONCE
        page = storage.purge(before=before, statuses=(), remember_until=remember_until, limit=at_once)
        tombstones += page.expired
    return Purge(runs=runs, tombstones=tombstones, before=moment(before))


def purged(run_id: str, left: Tombstone) -> PurgedError:
    """The error for a run of which only the tombstone is left."""
    ended_at = text(moment(left.ended_at))
    return PurgedError(
        f"run {run_id} of {left.workflow} {_HOW.get(left.status, left.status)} at {ended_at} and was purged; "
        "it is not started again, use another key or id where it should be",
        workflow=left.workflow,
        status=left.status,
        start_digest=left.start_digest,
        details={"run_id": run_id, "workflow": left.workflow, "status": left.status, "ended_at": ended_at},
    )


_HOW = {"cancelled": "was cancelled"}
