"""Why a run is where it is, and what it waits for."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from squidie_core.dataclass import dataclass
from squidie_core.inspection.times import moment, text
from squidie_core.journal.entries import Json
from squidie_core.journal.identity import is_deferred_key
from squidie_core.state import RunnableState, RunState


@dataclass(frozen=True, slots=True)
class Waiting:
    """What has to happen next: a human at a gate, a point in time, a worker, the end of an attempt or of children."""

    kind: Literal["pause", "approval", "time", "worker", "attempt", "children"]
    step: str
    since: datetime
    until: datetime | None = None

    def to_dict(self) -> dict[str, Json]:
        """The same as plain JSON."""
        return {"kind": self.kind, "step": self.step, "since": text(self.since), "until": text(self.until)}


def reason_of(state: RunState, now: int, *, parked: str | None = None, quarantined: str | None = None) -> str:
    """The first of these that holds, in this order."""
    if state.terminal:
        return "terminal"
    if quarantined is not None:
        return "quarantined"
    if state.gate is not None:
        return "manual_intervention_required"
    if parked is not None:
        return parked
    if state.rollback is not None:
        return "compensating"
    runnable = _first(state, now)
    if runnable is None:
        return "idle"
    if runnable.status == "claimed":
        return "expired_claim" if runnable.lease_until <= now else "attempt_claimed"
    if runnable.key in state.joins:
        return "awaiting_children"
    return _reason_of_free(runnable, now)


def _reason_of_free(runnable: RunnableState, now: int) -> str:
    if runnable.visible_at <= now:
        return "attempt_visible"
    return "deferred_continuation" if is_deferred_key(runnable.key) else "attempt_scheduled_for_later"


def waiting_for(state: RunState, now: int) -> Waiting | None:
    """What the run waits for; `None` when it is over."""
    if state.terminal:
        return None
    if state.gate is not None:
        return Waiting(state.gate.kind, state.gate.step, moment(state.gate.paused_at))
    runnable = _first(state, now)
    if runnable is None:
        return None
    if runnable.status == "claimed" and runnable.lease_until > now:
        return Waiting("attempt", runnable.step, moment(runnable.claimed_at or now), moment(runnable.lease_until))
    if runnable.key in state.joins:
        return Waiting("children", runnable.step, moment(runnable.ended_at or now))
    if runnable.visible_at > now:
        return Waiting("time", runnable.step, moment(runnable.planned_at), moment(runnable.visible_at))
    return Waiting("worker", runnable.step, moment(runnable.visible_at))


def _first(state: RunState, now: int) -> RunnableState | None:
    """The open runnable that says most: a lapsed claim, then visible work, a held claim, work for later, children."""
    return min(state.open.values(), key=lambda runnable: _rank(state, runnable, now), default=None)


def _rank(state: RunState, runnable: RunnableState, now: int) -> tuple[int, int]:
    if runnable.key in state.joins:
        return 4, runnable.ended_at or now
    if runnable.status == "claimed":
        return (0, runnable.lease_until) if runnable.lease_until <= now else (2, runnable.lease_until)
    return (1, runnable.visible_at) if runnable.visible_at <= now else (3, runnable.visible_at)
