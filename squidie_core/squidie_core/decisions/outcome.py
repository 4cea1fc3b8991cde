"""What follows when an attempt is over: it completed, failed, or asked to go on later."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from squidie_core.decisions.compensation import fail_run, undo_next, undone
from squidie_core.decisions.deadlines import deadline_from
from squidie_core.decisions.draft import Draft
from squidie_core.decisions.planning import choose, move_on
from squidie_core.decisions.timeout import is_overdue, timeout_error
from squidie_core.definition.model import RetryPolicy
from squidie_core.journal.entries import (
    AttemptCompleted,
    AttemptFailed,
    ChildrenAwaited,
    Json,
    Runnable,
    RunnableApplied,
    RunnablesPlanned,
)
from squidie_core.journal.identity import compensation_key, deferred_key, runnable_key
from squidie_core.state.run import RunnableState


def holds(draft: Draft, key: str, claim_id: str) -> RunnableState | None:
    """The runnable, if the claim still holds it now and the run still wants its outcome."""
    runnable = draft.state.open.get(key)
    if draft.state.terminal or runnable is None or runnable.status != "claimed":
        return None
    if runnable.claim_id != claim_id or runnable.lease_until <= draft.at:
        return None
    return runnable


def complete(draft: Draft, key: str, claim_id: str, result: Mapping[str, Json]) -> bool:
    """The body returned `result` (under the output key already). Returns False where the claim was lost.

    A result that comes after the step's timeout is refused: the attempt failed.
    """
    runnable = holds(draft, key, claim_id)
    if runnable is None:
        return False
    if is_overdue(draft, runnable):
        _time_out(draft, runnable, claim_id)
        return True
    draft.emit(AttemptCompleted(draft.at, key, claim_id, result))
    if runnable.kind == "compensation":
        undone(draft, runnable)
    elif draft.step(runnable.step).definition.await_children and draft.state.children.live(runnable.step):
        draft.emit(ChildrenAwaited(draft.at, key, draft.at))
    else:
        move_on(draft, runnable, "ok")
    return True


def fail(draft: Draft, key: str, claim_id: str, error: Mapping[str, Json], *, retry_after: int | None = None) -> bool:
    """The body failed. `error["retryable"]` False makes it final. Returns False where the claim was lost.

    `retry_after` (milliseconds) takes the place of the policy's delay; it makes no retry where the policy makes none.
    What fails after the step's timeout failed for that.
    """
    runnable = holds(draft, key, claim_id)
    if runnable is None:
        return False
    if is_overdue(draft, runnable):
        _time_out(draft, runnable, claim_id)
        return True
    fail_runnable(draft, runnable, claim_id, error, retry_after=retry_after)
    return True


def fail_runnable(
    draft: Draft,
    runnable: RunnableState,
    claim_id: str | None,
    error: Mapping[str, Json],
    *,
    retry_after: int | None = None,
) -> None:
    """Retry, or take the error route, or fail the run; a rollback goes on."""
    step = draft.step(runnable.step)
    undoes = runnable.kind == "compensation"
    policy = step.definition.compensate_retry if undoes else step.definition.retry
    if policy is not None and error.get("retryable") is not False and runnable.attempt < policy.max_attempts:
        delay = backoff(policy, runnable.attempt, runnable.key) if retry_after is None else retry_after
        _retry(draft, runnable, claim_id, error, delay)
        return
    draft.emit(AttemptFailed(draft.at, runnable.key, claim_id, error))
    if undoes:
        undo_next(draft)
    elif choose(draft, step.on_error, runnable, "error") is not None:
        move_on(draft, runnable, "error")
    else:
        fail_run(draft, {**error, "step": runnable.step, "runnable_key": runnable.key})


def defer(draft: Draft, key: str, claim_id: str, reason: Json, after: int) -> bool:
    """The body asked to go on in `after` milliseconds; its retries are kept. Returns False where the claim was lost."""
    runnable = holds(draft, key, claim_id)
    if runnable is None:
        return False
    if is_overdue(draft, runnable):
        _time_out(draft, runnable, claim_id)
        return True
    later = Runnable(
        key=deferred_key(key),
        step=runnable.step,
        visible_at=draft.at + after,
        kind=runnable.kind,
        attempt=runnable.attempt,
        visit=runnable.visit,
        idempotency_key=runnable.idempotency_key,
        previous=key,
        deadline=runnable.deadline,
    )
    draft.emit(AttemptCompleted(draft.at, key, claim_id, {}))
    draft.emit(RunnableApplied(draft.at, key, deferred={} if reason is None else reason))
    draft.emit(RunnablesPlanned(draft.at, (later,)))
    return True


def backoff(policy: RetryPolicy, attempt: int, key: str) -> int:
    """Milliseconds to wait after failed attempt number `attempt`: `min(min * factor ** (attempt - 1), max)`.

    Jitter takes away up to half of it, by a fraction that follows from the runnable's key, so that deciding twice gives
    the same time.
    """
    if policy.min <= 0:
        return 0
    try:
        delay = min(policy.min * policy.factor ** (attempt - 1), policy.max)
    except OverflowError:
        delay = policy.max
    if policy.jitter:
        fraction = int.from_bytes(hashlib.sha256(key.encode()).digest()[:4]) / 2**32
        delay -= delay * fraction / 2
    return round(delay)


def _time_out(draft: Draft, runnable: RunnableState, claim_id: str) -> None:
    fail_runnable(draft, runnable, claim_id, timeout_error(draft.step(runnable.step).definition))


def _retry(draft: Draft, runnable: RunnableState, claim_id: str | None, error: Mapping[str, Json], delay: int) -> None:
    attempt = runnable.attempt + 1
    undoes = runnable.kind == "compensation"
    key_of = compensation_key if undoes else runnable_key
    key = key_of(draft.state.run_id, runnable.step, runnable.visit, attempt)
    visible_at = draft.at + delay
    retry = Runnable(
        key=key,
        step=runnable.step,
        visible_at=visible_at,
        kind=runnable.kind,
        attempt=attempt,
        visit=runnable.visit,
        idempotency_key=runnable.idempotency_key,
        previous=runnable.key,
        deadline=None if undoes else deadline_from(draft.step(runnable.step).definition.deadline, visible_at),
    )
    draft.emit(AttemptFailed(draft.at, runnable.key, claim_id, error, retry_key=key))
    draft.emit(RunnablesPlanned(draft.at, (retry,)))
