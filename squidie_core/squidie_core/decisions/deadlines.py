"""When a step is late: its policy, counted from the moment at which one execution of it may begin."""

from __future__ import annotations

from squidie_core.definition.model import DeadlinePolicy
from squidie_core.journal.entries import Deadline


def deadline_from(policy: DeadlinePolicy | None, started_at: int) -> Deadline | None:
    """The deadline of an execution that may begin at `started_at`, where the step has a policy."""
    if policy is None:
        return None
    due_at = started_at + policy.within
    return Deadline(
        started_at=started_at,
        due_at=due_at,
        due_soon_at=due_at - policy.due_soon if policy.due_soon else None,
        escalated_at=None if policy.escalate_after is None else due_at + policy.escalate_after,
        escalation=policy.escalation,
    )
