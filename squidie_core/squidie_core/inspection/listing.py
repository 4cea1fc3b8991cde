"""Lists of runs, from the index alone."""

from __future__ import annotations

from datetime import datetime

from squidie_core.dataclass import dataclass
from squidie_core.inspection.times import text
from squidie_core.journal.entries import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """One listed run. `next_at`: when a worker should look at it next, if at all."""

    id: str
    workflow: str
    version: str | None
    queue: str
    priority: int
    status: str
    tags: tuple[str, ...]
    started_at: datetime
    updated_at: datetime
    ended_at: datetime | None
    next_at: datetime | None
    parked: str | None
    """Why no worker could advance it lately."""
    quarantined: str | None
    """Why it was taken out of its queue."""

    def to_dict(self) -> dict[str, Json]:
        """The same as plain JSON."""
        return {
            "id": self.id,
            "workflow": self.workflow,
            "version": self.version,
            "queue": self.queue,
            "priority": self.priority,
            "status": self.status,
            "tags": list(self.tags),
            "started_at": text(self.started_at),
            "updated_at": text(self.updated_at),
            "ended_at": text(self.ended_at),
            "next_at": text(self.next_at),
            "parked": self.parked,
            "quarantined": self.quarantined,
        }


@dataclass(frozen=True, slots=True)
class RunList:
    """A page of runs, newest start first. `next_cursor` is `None` on the last page."""

    runs: tuple[RunSummary, ...]
    next_cursor: str | None
