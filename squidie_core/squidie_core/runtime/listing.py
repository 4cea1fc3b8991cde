"""Lists of runs, from the rows that a store found."""

from __future__ import annotations

from squidie_core.inspection.listing import RunList, RunSummary
from squidie_core.inspection.times import moment, optional_moment
from squidie_core.ports.storage import RunPage, RunRow


def run_list(page: RunPage) -> RunList:
    """What the store found, as values."""
    return RunList(tuple(_summary(row) for row in page.runs), page.next_cursor)


def _summary(row: RunRow) -> RunSummary:
    index = row.index
    return RunSummary(
        id=row.thread_id,
        workflow=index.workflow,
        version=index.version,
        queue=index.queue,
        priority=index.priority,
        status=index.status,
        tags=index.tags,
        started_at=moment(index.started_at),
        updated_at=moment(row.updated_at),
        ended_at=optional_moment(index.ended_at),
        next_at=optional_moment(index.wake_at),
        parked=row.park_reason,
        quarantined=row.quarantine_reason,
    )
