"""Telling an instrumentation: the events made from what the runtime knows. Imported only where there is one."""

from __future__ import annotations

import logging
from typing import Literal

from squidie_core.journal.commit import Busy, CommitResult, Conflict
from squidie_core.journal.redaction import scrub
from squidie_core.ports.instrumentation import (
    AttemptEnded,
    AttemptTaken,
    ClaimLost,
    Event,
    GroupWritten,
    Instrumentation,
    QueuePolled,
    RunBegun,
    RunEnded,
    RunQuarantined,
    StoreFailed,
    WithoutEffect,
    WriteRepeated,
)
from squidie_core.runtime.attempts import Attempt, Completed, Deferred, Failed, Outcome
from squidie_core.state import RunState

_log = logging.getLogger("squidie.instrumentation")

_NAMES: dict[type[Outcome], Literal["completed", "failed", "deferred", "released"]] = {
    Completed: "completed",
    Failed: "failed",
    Deferred: "deferred",
}


class Teller:
    """Tells one instrumentation, and puts up with one that raises. Safe to use from any thread; holds no lock."""

    def __init__(self, instrumentation: Instrumentation) -> None:
        self._instrumentation = instrumentation
        self._complained = False

    def begun(self, state: RunState) -> None:
        """A new run is in the store."""
        self._tell(
            RunBegun(
                run_id=state.run_id,
                workflow=state.workflow,
                queue=state.queue,
                trigger=state.trigger,
                priority=state.priority,
            )
        )

    def run_ended(self, state: RunState) -> None:
        """A run is over."""
        self._tell(
            RunEnded(
                run_id=state.run_id,
                workflow=state.workflow,
                queue=state.queue,
                status=state.status,
                seconds=((state.ended_at or state.last_at) - state.started_at) / 1000,
            )
        )

    def taken(self, attempt: Attempt) -> None:
        """The attempt is claimed; its body shall be timed."""
        attempt.timed = True
        runnable = attempt.runnable
        self._tell(
            AttemptTaken(
                **attempt.about,
                runnable_key=attempt.key,
                delivery=runnable.deliveries,
                waited=((runnable.claimed_at or runnable.visible_at) - runnable.visible_at) / 1000,
            )
        )

    def ended(self, state: RunState, attempt: Attempt, outcome: Outcome, *, retried: bool) -> None:
        """The attempt's outcome is in the journal of the run whose state follows from it."""
        self._tell(
            AttemptEnded(
                **attempt.about,
                runnable_key=attempt.key,
                outcome=_NAMES.get(type(outcome), "released"),
                held=(state.last_at - (attempt.runnable.claimed_at or state.last_at)) / 1000,
                ran=attempt.ran,
                error=str(outcome.error.get("code")) if isinstance(outcome, Failed) else None,
                retried=retried,
            )
        )

    def lost(self, attempt: Attempt) -> None:
        """The attempt's claim is gone."""
        self._tell(ClaimLost(**attempt.about, runnable_key=attempt.key))

    def wrote(self, appends: int, refused: int, seconds: float) -> None:
        """The store answered a call."""
        self._tell(GroupWritten(appends=appends, refused=refused, seconds=seconds))

    def repeats(self, run_id: str, result: CommitResult) -> None:
        """An append had no effect."""
        self._tell(WriteRepeated(run_id=run_id, reason=_reason(result)))

    def polled(self, queue: str, found: int, seconds: float) -> None:
        """The store said what is due."""
        self._tell(QueuePolled(queue=queue, found=found, seconds=seconds))

    def store_failed(self, code: str, message: str) -> None:
        """The store did not answer."""
        self._tell(StoreFailed(code=code, message=scrub(message)))

    def quarantined(self, run_id: str, reason: str) -> None:
        """A run was taken out of its queue."""
        self._tell(RunQuarantined(run_id=run_id, reason=scrub(reason)))

    def _tell(self, event: Event) -> None:
        try:
            self._instrumentation.on_event(event)
        except Exception:  # noqa: BLE001  # it is code of the host's
            if not self._complained:
                self._complained = True
                _log.exception("the instrumentation raised; whatever else it raises is ignored")


def _reason(result: CommitResult) -> WithoutEffect:
    if isinstance(result, Conflict):
        return "conflict"
    return "busy" if isinstance(result, Busy) else "refused"
