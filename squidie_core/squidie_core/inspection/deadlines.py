"""How late a run is. Nothing here, and nothing in a deadline, changes what is executed: hosts act on what they read."""

from __future__ import annotations

from dataclasses import field
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from squidie_core.dataclass import dataclass
from squidie_core.inspection.times import moment, optional_moment, text
from squidie_core.journal.entries import Deadline, Json
from squidie_core.state import RunnableState, RunState

DeadlineStatus: TypeAlias = Literal["on_time", "due_soon", "overdue", "escalated"]

_URGENCY: tuple[DeadlineStatus, ...] = ("escalated", "overdue", "due_soon", "on_time")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadlineView:
    """How one execution of a step stands to its deadline: as it is now, or as it was when it ended.

    `started_at` is when it might begin or, for a gate, when it opened. `escalation` is what the step's policy asks of
    the host: `diagnostic` (show it), `operator_action` (somebody should look), `workflow_step` or `host_callback` (the
    host has a step or a function of its own for it). The runtime itself does none of these.
    """

    status: DeadlineStatus
    step: str
    runnable_key: str
    started_at: datetime
    due_at: datetime
    due_soon_at: datetime | None
    escalated_at: datetime | None
    escalation: str
    remaining: timedelta = field(compare=False)
    """Until `due_at`; below zero when it is late."""

    @property
    def overdue(self) -> bool:
        """Whether it is late, escalated or not."""
        return self.status in ("overdue", "escalated")

    def to_dict(self) -> dict[str, Json]:
        """The same as plain JSON; `remaining_ms` in milliseconds."""
        return {
            "status": self.status,
            "step": self.step,
            "runnable_key": self.runnable_key,
            "started_at": text(self.started_at),
            "due_at": text(self.due_at),
            "due_soon_at": text(self.due_soon_at),
            "escalated_at": text(self.escalated_at),
            "escalation": self.escalation,
            "overdue": self.overdue,
            "remaining_ms": self.remaining // timedelta(milliseconds=1),
        }


def evaluate(deadline: Deadline, now: int) -> DeadlineStatus:
    """How the deadline stands at `now`; each of its times counts from the very millisecond on."""
    if deadline.escalated_at is not None and now >= deadline.escalated_at:
        return "escalated"
    if now >= deadline.due_at:
        return "overdue"
    if deadline.due_soon_at is not None and now >= deadline.due_soon_at:
        return "due_soon"
    return "on_time"


def deadline_view(runnable: RunnableState, now: int) -> DeadlineView | None:
    """The runnable's deadline at `now`, where it has one."""
    deadline = runnable.deadline
    if deadline is None:
        return None
    return DeadlineView(
        status=evaluate(deadline, now),
        step=runnable.step,
        runnable_key=runnable.key,
        started_at=moment(deadline.started_at),
        due_at=moment(deadline.due_at),
        due_soon_at=optional_moment(deadline.due_soon_at),
        escalated_at=optional_moment(deadline.escalated_at),
        escalation=deadline.escalation,
        remaining=timedelta(milliseconds=deadline.due_at - now),
    )


def most_urgent(state: RunState, now: int) -> DeadlineView | None:
    """The worst deadline among what is not over, of those alike the first to be due; `None` once the run ended."""
    if state.terminal:
        return None
    views = [view for runnable in state.open.values() if (view := deadline_view(runnable, now)) is not None]
    return min(views, key=lambda view: (_URGENCY.index(view.status), view.due_at), default=None)
