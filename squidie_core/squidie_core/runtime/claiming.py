"""Claiming what a run has to offer: from a draft to the attempts that are to be run."""

from __future__ import annotations

from squidie_core.authoring import Body
from squidie_core.decisions import Claimant, Draft, advance
from squidie_core.decisions.drift import fail_drifted
from squidie_core.runtime.attempts import Attempt
from squidie_core.runtime.ids import fraction, new_claim_id
from squidie_core.runtime.slots import Slots
from squidie_core.runtime.store import RunStore
from squidie_core.state import RunnableState

MAX_WIDE_CLAIM = 64


def claim(store: RunStore, draft: Draft, slots: Slots, *, owner_id: str, lease_for: int, share: int) -> list[Attempt]:
    """Move the run as far as it goes without bodies, and claim for the slots what needs one.

    At most `share` attempts, and no more than half of those that are open, so that others find some too.
    """
    state = draft.state
    if not state.open:
        return []
    current = store.catalog.drifted(draft.plan)
    if current is not None:
        fail_drifted(draft, current, store.max_skew)
        if state.terminal:
            return []
    half = (len(state.open) + 1) // 2
    claimant = Claimant(
        owner_id=owner_id,
        claim_id=new_claim_id(),
        lease_for=lease_for,
        admit=lambda runnable: slots.admit(state.workflow, runnable),
        limit=min(max(1, min(share, half, MAX_WIDE_CLAIM)), slots.free),
        max_skew=store.max_skew,
        spread=fraction(),
    )
    return [
        _attempt(store, draft, runnable, claimant.claim_id, slots.bodies.get(runnable.key))
        for runnable in advance(draft, claimant)
    ]


def _attempt(store: RunStore, draft: Draft, runnable: RunnableState, claim_id: str, body: Body | None) -> Attempt:
    state = draft.state
    step = draft.step(runnable.step).definition
    attempt = Attempt(state.run_id, state.workflow, runnable, claim_id, step, body, store)
    attempt.schedule = state.schedule
    if body is not None:
        attempt.is_async = body.is_async
        attempt.is_transactional = runnable.kind == "run" and (step.transaction or bool(body.transactions))
    if runnable.kind == "compensation":
        attempt.failure = state.error
    return attempt
