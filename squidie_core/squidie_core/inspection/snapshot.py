"""A run at one moment, as a frozen value: no hidden reads, nothing that changes later."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from squidie_core.authoring import Defer, Step
from squidie_core.dataclass import dataclass
from squidie_core.errors import NotFoundError
from squidie_core.inspection.commands import CommandView, command_views
from squidie_core.inspection.compensation import compensation_errors
from squidie_core.inspection.reason import Waiting, reason_of, waiting_for
from squidie_core.inspection.times import moment, optional_moment, text
from squidie_core.journal.entries import Json
from squidie_core.journal.values import decode
from squidie_core.state import Anomaly, RunnableState, RunState

if TYPE_CHECKING:
    from squidie_core.authoring.schedules import Schedule
    from squidie_core.inspection.deadlines import DeadlineView
    from squidie_core.inspection.dynamic import DynamicWorkView
    from squidie_core.inspection.lineage import ChildView, ParentView

__all__ = ["AttemptView", "Snapshot", "Waiting"]

T = TypeVar("T")
Status = Literal["running", "paused", "completed", "failed", "cancelled"]
OutputOf = Callable[[Step[..., Any], Mapping[str, Json]], Any]
"""Finds a step's typed output in a context; the runtime, which knows the workflows, provides it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptView:
    """One attempt at a step. `deliveries` counts how often a worker took it."""

    runnable_key: str
    step: str
    kind: str
    """`run`, the name of a built-in, or `compensation` where it undoes the step."""
    attempt: int
    visit: int
    status: str
    visible_at: datetime
    claimed_at: datetime | None
    lease_until: datetime | None
    ended_at: datetime | None
    owner_id: str | None
    deliveries: int
    result: Mapping[str, Json] | None
    error: Mapping[str, Json] | None
    deferred: Json
    """Why the step goes on later, where its body deferred it."""
    recovery: str | None
    """`compensation` or `undo`, where its failure took an error route that is marked so."""
    deadline: DeadlineView | None = None
    """Of a step that has one: how it stands, or stood when the attempt ended."""

    def to_dict(self) -> dict[str, Json]:
        """The same as plain JSON."""
        return {
            "runnable_key": self.runnable_key,
            "step": self.step,
            "kind": self.kind,
            "attempt": self.attempt,
            "visit": self.visit,
            "status": self.status,
            "visible_at": text(self.visible_at),
            "claimed_at": text(self.claimed_at),
            "lease_until": text(self.lease_until),
            "ended_at": text(self.ended_at),
            "owner_id": self.owner_id,
            "deliveries": self.deliveries,
            "result": self.result,
            "error": self.error,
            "deferred": self.deferred,
            "recovery": self.recovery,
            "deadline": None if self.deadline is None else self.deadline.to_dict(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What is known about a run at revision `rev`.

    `reason` says why it is where it is: `terminal`, `manual_intervention_required`, `expired_claim`, `attempt_visible`,
    `deferred_continuation`, `attempt_claimed`, `attempt_scheduled_for_later`, `awaiting_children`, `step_unavailable`,
    `quarantined`, `compensating`, `idle`.
    """

    id: str
    rev: int
    status: Status
    reason: str
    workflow: str
    version: str | None
    trigger: str
    queue: str
    priority: int
    tags: tuple[str, ...]
    started_at: datetime
    ended_at: datetime | None
    waiting_for: Waiting | None
    deadline: DeadlineView | None
    """The most urgent one of what is not over; `None` where there is none, and once the run is over."""
    schedule: Schedule | None
    """What its activation by a scheduler was."""
    replayed_from: str | None
    """The run that this one repeats."""
    error: Mapping[str, Any] | None
    """What the run failed with, or is being undone for."""
    compensation_errors: tuple[Mapping[str, Any], ...]
    """What could not be undone, one for each callback: its error, with `step`, `visit` and `runnable_key`."""
    input: Mapping[str, Any] = field(repr=False)
    """The payload, defaults included."""
    context: Mapping[str, Any] = field(repr=False)
    """The payload, the outputs and the gates' decisions, as later steps see them."""
    attempts: tuple[AttemptView, ...] = field(repr=False)
    commands: tuple[CommandView, ...] = field(repr=False)
    anomalies: tuple[Anomaly, ...] = field(repr=False)
    dynamic_work: tuple[DynamicWorkView, ...] = field(default=(), repr=False)
    """What was recorded or scheduled for the run at run time, in that order."""
    parent: ParentView | None = field(default=None, repr=False)
    children: tuple[ChildView, ...] = field(default=(), repr=False)
    history: tuple[Mapping[str, Json], ...] | None = field(default=None, repr=False)
    """Every entry of the journal, where it was asked for."""
    _stored: Mapping[str, Json] = field(repr=False, compare=False)
    _output_of: OutputOf = field(repr=False, compare=False)

    @property
    def terminal(self) -> bool:
        """Whether the run is over."""
        return self.status in ("completed", "failed", "cancelled")

    @overload
    def output(self, step: Step[..., Coroutine[Any, Any, T | Defer]], /) -> T: ...
    @overload
    def output(self, step: Step[..., T | Defer], /) -> T: ...
    def output(self, step: Step[..., Any], /) -> Any:
        """What the step returned, as its annotation says. Raises NotFoundError where it has not been applied."""
        return self._output_of(step, self._results())

    def _results(self) -> Mapping[str, Json]:
        return {
            view.step: view.result
            for view in self.attempts
            if view.status == "applied" and view.error is None and view.deferred is None and view.kind != "compensation"
        }

    def to_dict(self) -> dict[str, Json]:
        """The snapshot as plain JSON; values are encoded as they are stored."""
        return {
            "id": self.id,
            "rev": self.rev,
            "status": self.status,
            "reason": self.reason,
            "workflow": self.workflow,
            "version": self.version,
            "trigger": self.trigger,
            "queue": self.queue,
            "priority": self.priority,
            "tags": list(self.tags),
            "started_at": text(self.started_at),
            "ended_at": text(self.ended_at),
            "waiting_for": None if self.waiting_for is None else self.waiting_for.to_dict(),
            "deadline": None if self.deadline is None else self.deadline.to_dict(),
            "schedule": None if self.schedule is None else self.schedule.to_dict(),
            "replayed_from": self.replayed_from,
            "error": self.error,
            "compensation_errors": list(self.compensation_errors),
            "context": dict(self._stored),
            "attempts": [view.to_dict() for view in self.attempts],
            "commands": [view.to_dict() for view in self.commands],
            "anomalies": [
                {"reason": a.reason, "entry_type": a.entry_type, "rev": a.rev, "runnable_key": a.runnable_key}
                for a in self.anomalies
            ],
            "dynamic_work": [work.to_dict() for work in self.dynamic_work],
            **({} if self.parent is None else {"parent": self.parent.to_dict()}),
            **({} if not self.children else {"children": [child.to_dict() for child in self.children]}),
            **({} if self.history is None else {"history": list(self.history)}),
        }


def snapshot(
    state: RunState,
    now: int,
    output_of: OutputOf,
    *,
    parked: str | None = None,
    quarantined: str | None = None,
    history: Sequence[Mapping[str, Json]] | None = None,
) -> Snapshot:
    """The snapshot of a state. `parked` and `quarantined` are the reasons that the index has for these."""
    status: Status = "running" if state.status == "new" else state.status
    return Snapshot(
        id=state.run_id,
        rev=state.rev,
        status=status,
        reason=reason_of(state, now, parked=parked, quarantined=quarantined),
        workflow=state.workflow,
        version=state.version,
        trigger=state.trigger,
        queue=state.queue,
        priority=state.priority,
        tags=state.tags,
        started_at=moment(state.started_at),
        ended_at=optional_moment(state.ended_at),
        waiting_for=waiting_for(state, now),
        deadline=_most_urgent(state, now),
        schedule=optional_schedule(state.schedule),
        replayed_from=state.replayed_from,
        error=state.error,
        compensation_errors=compensation_errors(state),
        input=_decoded(state.input),
        context=_decoded(state.context),
        attempts=tuple(attempt_view(runnable, state.ended_at or now) for runnable in state.runnables.values()),
        commands=command_views(state.receipts),
        anomalies=tuple(state.anomalies),
        dynamic_work=_dynamic_work(state, now) if state.dynamic_work else (),
        parent=None if state.parent is None else _parent(state),
        children=_children(state) if state.children.by_step else (),
        history=None if history is None else tuple(history),
        _stored=dict(state.context),
        _output_of=output_of,
    )


def optional_schedule(plain: Mapping[str, Json] | None) -> Schedule | None:
    """What a run's activation by a scheduler was, where it had one."""
    if plain is None:
        return None
    from squidie_core.authoring.schedules import schedule_of  # noqa: PLC0415  # few runs have one

    return schedule_of(plain)


def _dynamic_work(state: RunState, now: int) -> tuple[DynamicWorkView, ...]:
    from squidie_core.inspection.dynamic import work_views  # noqa: PLC0415  # few runs have any

    return work_views(state, now)


def _most_urgent(state: RunState, now: int) -> DeadlineView | None:
    if all(runnable.deadline is None for runnable in state.open.values()):
        return None
    from squidie_core.inspection.deadlines import most_urgent  # noqa: PLC0415  # few steps have one

    return most_urgent(state, now)


def _deadline(runnable: RunnableState, now: int) -> DeadlineView | None:
    from squidie_core.inspection.deadlines import deadline_view  # noqa: PLC0415  # as above

    return deadline_view(runnable, now)


def _parent(state: RunState) -> ParentView | None:
    from squidie_core.inspection.lineage import parent_of  # noqa: PLC0415  # few runs are children

    return parent_of(state)


def _children(state: RunState) -> tuple[ChildView, ...]:
    from squidie_core.inspection.lineage import children_of  # noqa: PLC0415  # and few have any

    return children_of(state)


def no_output(step: str, run_id: str) -> NotFoundError:
    """The error for a step that has no applied result."""
    return NotFoundError(
        f"step {step!r} of run {run_id} has no output: it was not applied", code="no_output", details={"step": step}
    )


def _decoded(plain: Mapping[str, Json]) -> Mapping[str, Any]:
    return {key: decode(value) for key, value in plain.items()}


def attempt_view(runnable: RunnableState, now: int) -> AttemptView:
    """What is known about one attempt at `now`."""
    claimed = runnable.status == "claimed"
    return AttemptView(
        runnable_key=runnable.key,
        step=runnable.step,
        kind=runnable.kind,
        attempt=runnable.attempt,
        visit=runnable.visit,
        status=runnable.status,
        visible_at=moment(runnable.visible_at),
        claimed_at=optional_moment(runnable.claimed_at),
        lease_until=moment(runnable.lease_until) if claimed else None,
        ended_at=optional_moment(runnable.ended_at),
        owner_id=runnable.owner_id,
        deliveries=runnable.deliveries,
        result=runnable.result,
        error=runnable.error,
        deferred=runnable.deferred,
        recovery=None if runnable.decision is None else runnable.decision.recovery,
        deadline=None if runnable.deadline is None else _deadline(runnable, runnable.ended_at or now),
    )
