"""What the outcome of an attempt means for its run, and what becomes of one that cannot be stored."""

from __future__ import annotations

from collections.abc import Sequence

from squidie_core.decisions import Draft, complete, defer, fail, release
from squidie_core.errors import SquidieError, TooLarge
from squidie_core.journal.codec import to_json
from squidie_core.journal.entries import Json
from squidie_core.journal.values import MAX_VALUE_BYTES
from squidie_core.runtime.actor import Actor
from squidie_core.runtime.attempts import Attempt, Completed, Deferred, Failed, Outcome, Released


def apply_outcomes(draft: Draft, reported: list[tuple[Attempt, Outcome]]) -> list[tuple[Attempt, Outcome]]:
    """Decide what follows from the outcomes, each at the time when its body was over; gives those whose claim was lost.

    What was over in time counts, however long the store was away afterwards. One that came after its step's timeout is
    a failure from here on, in the list too.
    """
    now, draft.at = draft.at, draft.state.last_at
    lost: list[tuple[Attempt, Outcome]] = []
    for place, (attempt, outcome) in enumerate(reported):
        draft.at = max(draft.at, min(attempt.finished_at, now))
        if not _apply(draft, attempt, outcome):
            lost.append((attempt, outcome))
        elif attempt.overdue_at is not None:
            error = draft.state.runnables[attempt.key].error
            if error is not None and error.get("code") == "step_timeout":
                reported[place] = (attempt, Failed(error))
    draft.at = now
    return lost


def _apply(draft: Draft, attempt: Attempt, outcome: Outcome) -> bool:
    """False where the claim was lost."""
    if isinstance(outcome, Completed):
        return complete(draft, attempt.key, attempt.claim_id, outcome.result)
    if isinstance(outcome, Failed):
        return fail(draft, attempt.key, attempt.claim_id, outcome.error, retry_after=outcome.retry_after)
    if isinstance(outcome, Deferred):
        return defer(draft, attempt.key, attempt.claim_id, outcome.reason, outcome.after)
    release(draft, {attempt.key: attempt.claim_id}, counts=isinstance(outcome, Released) and outcome.counts)
    return True


def refused(reported: Sequence[tuple[Attempt, Outcome]], error: Exception) -> list[tuple[Attempt, Outcome]]:
    """The store takes none of this: the attempts failed."""
    described: dict[str, Json] = {"code": "refused", "retryable": False}
    if isinstance(error, SquidieError):
        described |= {"code": error.code, "details": dict(error.details)}
    return [
        (attempt, Failed({**described, "message": f"what step {attempt.step.name!r} gave: {error}"}))
        for attempt, _ in reported
    ]


def too_large(actor: Actor, reported: list[tuple[Attempt, Outcome]], error: TooLarge) -> list[tuple[Attempt, Outcome]]:
    """Outcomes that are too large become failures; those that are only too large together go one by one."""
    large = [item for item in reported if isinstance(item[1], Completed) and _size(item[1]) > MAX_VALUE_BYTES]
    if large:
        return [*(item for item in reported if item not in large), *refused(large, error)]
    if len(reported) == 1:
        return refused(reported, error)
    actor.batch = 1
    return reported


def _size(outcome: Completed) -> int:
    return len(to_json(outcome.result))
