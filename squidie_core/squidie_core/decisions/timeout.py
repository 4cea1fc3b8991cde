"""How long an attempt may take: from its claim on, by the store's clock."""

from __future__ import annotations

from squidie_core.decisions.draft import Draft
from squidie_core.definition.model import StepDefinition
from squidie_core.journal.entries import Json
from squidie_core.state.run import RunnableState

LEASE_AFTER_TIMEOUT = 30_000
"""Milliseconds for which a claim may be held past its timeout: long enough to report it to a store that is slow."""


def times_out_at(draft: Draft, runnable: RunnableState) -> int | None:
    """When the claimed attempt's time is over; `None`: never."""
    limit = draft.step(runnable.step).definition.timeout
    return None if limit is None or runnable.claimed_at is None else runnable.claimed_at + limit


def is_overdue(draft: Draft, runnable: RunnableState) -> bool:
    """Whether what is reported of the attempt now comes too late."""
    at = times_out_at(draft, runnable)
    return at is not None and at <= draft.at


def timeout_error(step: StepDefinition) -> dict[str, Json]:
    """The failure of an attempt that took too long."""
    limit = step.timeout or 0
    return {
        "code": "step_timeout",
        "message": f"step {step.name!r} took longer than its timeout of {limit / 1000:g} s",
        "details": {"timeout_ms": limit},
        "retryable": True,
    }
