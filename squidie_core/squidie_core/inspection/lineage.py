"""Where a run comes from, and which runs came from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime

from squidie_core.dataclass import dataclass
from squidie_core.inspection.times import moment, optional_moment, text
from squidie_core.journal.entries import Json
from squidie_core.state import RunState


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentView:
    """The run whose step started this one. `awaited`: the step waits until this run has ended."""

    id: str
    step: str
    attempt: int
    child_key: str
    awaited: bool
    metadata: Mapping[str, Json] = field(default_factory=dict[str, Json])

    def to_dict(self) -> dict[str, Json]:
        """The same as plain JSON."""
        return {
            "id": self.id,
            "step": self.step,
            "attempt": self.attempt,
            "child_key": self.child_key,
            "awaited": self.awaited,
            "metadata": dict(self.metadata),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildView:
    """A run that a step started.

    `status` and `ended_at` are what the parent has learned of its end: `None` until then, and always where no step
    awaits it; the child's own snapshot knows more.
    """

    id: str
    workflow: str
    trigger: str
    step: str
    child_key: str
    started_at: datetime
    status: str | None
    ended_at: datetime | None
    metadata: Mapping[str, Json] = field(default_factory=dict[str, Json])

    def to_dict(self) -> dict[str, Json]:
        """The same as plain JSON."""
        return {
            "id": self.id,
            "workflow": self.workflow,
            "trigger": self.trigger,
            "step": self.step,
            "child_key": self.child_key,
            "started_at": text(self.started_at),
            "status": self.status,
            "ended_at": text(self.ended_at),
            "metadata": dict(self.metadata),
        }


def parent_of(state: RunState) -> ParentView | None:
    """The run's parent."""
    parent = state.parent
    if parent is None:
        return None
    return ParentView(
        id=parent["run_id"],
        step=parent["step"],
        attempt=parent["attempt"],
        child_key=parent["child_key"],
        awaited=parent["awaited"],
        metadata=parent["metadata"],
    )


def children_of(state: RunState) -> tuple[ChildView, ...]:
    """The run's children, step by step."""
    return tuple(
        ChildView(
            id=child.run_id,
            workflow=child.workflow,
            trigger=child.trigger,
            step=child.step,
            child_key=child.child_key,
            started_at=moment(child.started_at),
            status=child.status,
            ended_at=optional_moment(child.ended_at),
            metadata=child.metadata,
        )
        for child in state.children
    )
