"""What happens in one engine: counted, told to the instrumentation, and logged where somebody should know."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from squidie_core.journal.commit import CommitResult
from squidie_core.runtime.attempts import Attempt, Completed, Deferred, Failed, Outcome
from squidie_core.runtime.counters import Counters
from squidie_core.state import RunState

if TYPE_CHECKING:
    from squidie_core.runtime.telling import Teller

_engine_log = logging.getLogger("squidie.engine")
_steps_log = logging.getLogger("squidie.steps")


class Observer:
    """Called by one engine, in its thread and as often as it acts: a few additions, and nothing else where all is well.

    `counters` may be read from any thread.
    """

    __slots__ = ("_teller", "counters")

    def __init__(self, teller: Teller | None) -> None:
        self.counters = Counters()
        self._teller = teller

    def polled(self, queue: str, found: int, seconds: float) -> None:
        """A look for due runs found so many."""
        counters = self.counters
        counters.polls += 1
        counters.due_runs += found
        if not found:
            counters.empty_polls += 1
        if self._teller is not None:
            self._teller.polled(queue, found, seconds)

    def wrote(self, appends: int, refused: int, seconds: float) -> None:
        """One call brought so many appends to the store; so many of them had no effect."""
        self.counters.wrote(appends, refused)
        if self._teller is not None:
            self._teller.wrote(appends, refused, seconds)

    def repeats(self, run_id: str, result: CommitResult) -> None:
        """An append had no effect."""
        self.counters.repeats(result)
        if self._teller is not None:
            self._teller.repeats(run_id, result)

    def claimed(self, attempts: Sequence[Attempt]) -> None:
        """The attempts are claimed, and nobody runs them yet."""
        self.counters.claims += len(attempts)
        if self._teller is not None:
            for attempt in attempts:
                self._teller.taken(attempt)

    def ended(self, state: RunState, reported: Sequence[tuple[Attempt, Outcome]]) -> None:
        """The outcomes are in the journal of the run whose state follows from them."""
        counters = self.counters
        for attempt, outcome in reported:
            kind, retried = type(outcome), False
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
            if self._teller is not None:
                self._teller.ended(state, attempt, outcome, retried=retried)

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
        if self._teller is not None:
            self._teller.run_ended(state)

    def lost(self, attempt: Attempt) -> None:
        """The attempt's claim is gone while its body runs."""
        self.counters.claims_lost += 1
        _engine_log.warning(
            "run %s: %s is cancelled or its claim is lost", attempt.run_id, attempt.key, extra=attempt.about
        )
        if self._teller is not None:
            self._teller.lost(attempt)

    def dropped(self, attempt: Attempt) -> None:
        """The attempt's outcome came after its claim was lost, which nobody knew."""
        self.counters.claims_lost += 1
        _engine_log.warning(
            "run %s: the claim on %s was lost; its outcome is dropped",
            attempt.run_id,
            attempt.key,
            extra=attempt.about,
        )
        if self._teller is not None:
            self._teller.lost(attempt)


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
        extra=attempt.about,
    )
