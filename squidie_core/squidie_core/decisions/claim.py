"""Taking work: what moves without a body moves at once, what needs one is claimed."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from squidie_core.dataclass import record
from squidie_core.decisions.draft import Draft
from squidie_core.decisions.outcome import fail_runnable, holds
from squidie_core.decisions.planning import move_on, open_gate
from squidie_core.decisions.timeout import LEASE_AFTER_TIMEOUT, times_out_at
from squidie_core.journal.entries import AttemptClaimed, AttemptCompleted, AttemptHeartbeat, AttemptReleased
from squidie_core.state.run import TERMINAL, RunnableState


@record(frozen=True, slots=True, kw_only=True)
class Claimant:
    """Who claims, for how long (`lease_for` milliseconds), and what it takes on.

    `admit` says of a runnable whose body is wanted whether the claimant runs it, and may count what it admits.
    `claim_id` must be new for every decision. `max_skew` is how far the clocks of two workers may be apart: a lease is
    taken over only so long after its end. `spread`, random in 0 .. 1, lengthens the leases of attempts that were taken
    over, by up to a quarter for each time, so that those which one worker left behind do not all lapse together again.
    """

    owner_id: str
    claim_id: str
    lease_for: int
    admit: Callable[[RunnableState], bool]
    limit: int
    max_skew: int = 0
    spread: float = 0.0


def lease_end(now: int, lease_for: int) -> int:
    """The end of a lease that starts now, rounded up to a multiple of a third of it.

    So most commits write the `wake_at` that the index has already.
    """
    quantum = max(lease_for // 3, 1)
    return -(-(now + lease_for) // quantum) * quantum


def advance(draft: Draft, claimant: Claimant) -> list[RunnableState]:
    """Move the run as far as it goes without bodies, and claim up to `limit` runnables for their bodies.

    Elapsed waits are completed, due gates opened, attempts that were delivered too often given up, until there are
    `limit` claims and another runnable wants one.
    """
    state = draft.state
    claimed: list[RunnableState] = []
    if state.terminal:
        return claimed
    visible = state.visible(draft.at, claimant.max_skew)
    try:
        for runnable in visible:
            if runnable.deliveries and _is_poison(draft, runnable):
                fail_runnable(draft, runnable, None, _poison(runnable))
            elif runnable.kind == "wait":
                draft.emit(AttemptCompleted(draft.at, runnable.key, None, {}))
                move_on(draft, runnable, "ok")
            elif runnable.kind in ("pause", "approval"):
                open_gate(draft, runnable)
            elif len(claimed) >= claimant.limit:
                break
            elif claimant.admit(runnable):
                claimed.append(_claim(draft, claimant, runnable))
            if state.status in TERMINAL:
                return []
    finally:
        visible.close()
    return claimed if state.rollback is None else [runnable for runnable in claimed if runnable.status == "claimed"]


def heartbeat(draft: Draft, claims: Mapping[str, str], lease_for: int) -> set[str]:
    """Renew the claims (claim ids by runnable key) that are still held; returns the keys of those that were lost.

    One whose step has a timeout is held no longer than it takes to report that.
    """
    until = lease_end(draft.at, lease_for)
    renewed: dict[int, dict[str, str]] = {}
    lost: set[str] = set()
    for key, claim_id in claims.items():
        runnable = holds(draft, key, claim_id)
        if runnable is None:
            lost.add(key)
            continue
        over_at = times_out_at(draft, runnable)
        longest = until if over_at is None else min(until, over_at + LEASE_AFTER_TIMEOUT)
        if over_at is None or longest > runnable.lease_until:
            renewed.setdefault(longest, {})[key] = claim_id
    for lease_until, held in renewed.items():
        draft.emit(AttemptHeartbeat(draft.at, held, lease_until))
    return lost


def release(draft: Draft, claims: Mapping[str, str], *, counts: bool = False) -> None:
    """Give back the claims so that others take them at once; `counts` where their bodies were run all the same."""
    for key, claim_id in claims.items():
        if holds(draft, key, claim_id) is not None:
            draft.emit(AttemptReleased(draft.at, key, claim_id, counts))


def _claim(draft: Draft, claimant: Claimant, runnable: RunnableState) -> RunnableState:
    longer = claimant.lease_for * min(runnable.deliveries, 4) * claimant.spread / 4
    until = lease_end(draft.at, claimant.lease_for + round(longer))
    draft.emit(AttemptClaimed(draft.at, runnable.key, claimant.claim_id, claimant.owner_id, until))
    return runnable


def _is_poison(draft: Draft, runnable: RunnableState) -> bool:
    return runnable.deliveries >= draft.step(runnable.step).definition.max_deliveries


def _poison(runnable: RunnableState) -> dict[str, object]:
    return {
        "code": "max_deliveries",
        "message": f"{runnable.deliveries} workers took this attempt and none of them came back; "
        "the body may end its process, run longer than its lease without heartbeats, or lose its transaction",
        "retryable": False,
    }
