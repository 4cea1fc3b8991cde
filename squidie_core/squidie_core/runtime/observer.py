"""What happens in one engine: counted, told to the instrumentation, and logged where somebody should know."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, Literal

from squidie_core.journal.commit import CommitResult
from squidie_core.ports.instrumentation import (
    AttemptEnded,
    AttemptTaken,
    ClaimLost,
    GroupWritten,
    QueuePolled,
    WriteRepeated,
)
from squidie_core.runtime.attempts import Attempt, Completed, Deferred, Failed, Outcome
from squidie_core.runtime.counters import Counters
from squidie_core.runtime.telemetry import Tell, reason_of, run_ended
from squidie_core.state import RunState

_engine_log = logging.getLogger("squidie.engine")
_steps_log = logging.getLogger("squidie.steps")

_NAMES: dict[type[Outcome], Literal["completed", "failed", "deferred", "released"]] = {
    Completed: "completed",
    Failed: "failed",
    Deferred: "deferred",
}


class Observer:
    """Called by one engine, in its thread and as often as it acts: a few additions, and nothing else where all is well.

    `counters` may be read from any thread.
    """

    __slots__ = ("_tell", "counters")

    def __init__(self, tell: Tell | None) -> None:
        self.counters = Counters()
        self._tell = tell

    def polled(self, queue: str, found: int, seconds: float) -> None:
        """A look for due runs found so many."""
        counters = self.counters
        counters.polls += 1
        counters.due_runs += found
        if not found:
            counters.empty_polls += 1
        if self._tell is not None:
            self._tell(QueuePolled(queue=queue, found=found, seconds=seconds))

    def wrote(self, appends: int, refused: int, seconds: float) -> None:
        """One call brought so many appends to the store; so many of them had no effect."""
        self.counters.wrote(appends, refused)
        if self._tell is not None:
            self._tell(GroupWritten(appends=appends, refused=refused, seconds=seconds))

    def repeats(self, run_id: str, result: CommitResult) -> None:
        """An append had no effect."""
        reason = reason_of(result)
        self.counters.repeats(reason)
        if self._tell is not None:
            self._tell(WriteRepeated(run_id=run_id, reason=reason))

    def claimed(self, attempts: Sequence[Attempt]) -> None:
        """The attempts are claimed, and nobody runs them yet."""
        self.counters.claims += len(attempts)
        if self._tell is not None:
            for attempt in attempts:
                attempt.timed = True
                self._tell(_taken(attempt))

    def ended(self, state: RunState, reported: Sequence[tuple[Attempt, Outcome]]) -> None:
        """The outcomes are in the journal of the run whose state follows from them."""
        counters = self.counters
        for attempt, outcome in reported:
            kind = type(outcome)
            if kind is Completed:
                counters.attempts_completed += 1
            elif isinstance(outcome, Failed):
                retried = _is_retried(state, attempt)
                counters.attempts_failed += 1
                counters.attempts_retried += retried
                _log_failure(attempt, outcome, retried=retried)
            elif kind is Deferred:
                counters.attempts_deferred += 1
            else:
                counters.attempts_released += 1
            if self._tell is not None:
                self._tell(_ended(state, attempt, outcome))

    def run_ended(self, state: RunState, reported: Sequence[tuple[Attempt, Outcome]]) -> None:
        """The run is over, by these outcomes if there are any."""
        self.counters.ended(state.status)
        if state.status == "failed" and not any(isinstance(outcome, Failed) for _, outcome in reported):
            _engine_log.error(
                "run %s failed: %s",
                state.run_id,
                (state.error or {}).get("code"),
                extra={"run_id": state.run_id, "workflow": state.workflow},
            )
        if self._tell is not None:
            self._tell(run_ended(state))

    def lost(self, attempt: Attempt) -> None:
        """The attempt's claim is gone while its body runs."""
        self.counters.claims_lost += 1
        _engine_log.warning(
            "run %s: %s is cancelled or its claim is lost", attempt.run_id, attempt.key, extra=_about(attempt)
        )
        if self._tell is not None:
            self._tell(ClaimLost(**_about(attempt), runnable_key=attempt.key))

    def dropped(self, attempt: Attempt) -> None:
        """The attempt's outcome came after its claim was lost, which nobody knew."""
        self.counters.claims_lost += 1
        _engine_log.warning(
            "run %s: the claim on %s was lost; its outcome is dropped",
            attempt.run_id,
            attempt.key,
            extra=_about(attempt),
        )
        if self._tell is not None:
            self._tell(ClaimLost(**_about(attempt), runnable_key=attempt.key))


def _is_retried(state: RunState, attempt: Attempt) -> bool:
    runnable = state.runnables.get(attempt.key)
    return runnable is not None and runnable.retry_key is not None


def _log_failure(attempt: Attempt, outcome: Failed, *, retried: bool) -> None:
    """An error where the failure is final. The message stays in the journal: it may hold what is nobody's business."""
    _steps_log.log(
        logging.INFO if retried else logging.ERROR,
        "step %s of run %s failed (attempt %d): %s%s",
        attempt.step.name,
        attempt.run_id,
        attempt.runnable.attempt,
        outcome.error.get("type", outcome.error.get("code")),
        "; it will be tried again" if retried else "",
        extra=_about(attempt),
    )


def _taken(attempt: Attempt) -> AttemptTaken:
    runnable = attempt.runnable
    return AttemptTaken(
        **_about(attempt),
        runnable_key=attempt.key,
        delivery=runnable.deliveries,
        waited=((runnable.claimed_at or runnable.visible_at) - runnable.visible_at) / 1000,
    )


def _ended(state: RunState, attempt: Attempt, outcome: Outcome) -> AttemptEnded:
    failure = outcome if isinstance(outcome, Failed) else None
    return AttemptEnded(
        **_about(attempt),
        runnable_key=attempt.key,
        outcome=_NAMES.get(type(outcome), "released"),
        held=(state.last_at - (attempt.runnable.claimed_at or state.last_at)) / 1000,
        ran=attempt.ran,
        error=None if failure is None else str(failure.error.get("code")),
        retried=failure is not None and _is_retried(state, attempt),
    )


def _about(attempt: Attempt) -> dict[str, Any]:
    return {
        "run_id": attempt.run_id,
        "workflow": attempt.workflow,
        "step": attempt.step.name,
        "attempt": attempt.runnable.attempt,
    }
