"""A refund that somebody has to approve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict

from host_app.services import Services
from squidie_core import Deadline, Resource, StepContext, Workflow, end, step, trigger


@dataclass
class Refund:
    """What the customer asks for."""

    account_id: str
    cents: int


class Approval(TypedDict):
    """What the approver said."""

    decision: str
    actor: Any
    decided_at: str
    comment: NotRequired[str]


def record_approval(
    account_id: str, cents: int, approval: Approval, ctx: StepContext, services: Resource[Services]
) -> dict[str, Any]:
    """Pay the money back."""
    services.once(ctx.idempotency_key, "refund", account=account_id, cents=cents)
    return {"refunded": cents, "by": approval["actor"]}


def record_rejection(account_id: str, approval: Approval, ctx: StepContext, services: Resource[Services]) -> None:
    """Explain it to the customer."""
    services.once(ctx.idempotency_key, "refusal", account=account_id, comment=approval.get("comment"))


class ManualApproval(Workflow, name="manual-approval", version="2026-11-21"):
    """A gate that waits in the journal, not in a process."""

    manual_approval = trigger.manual(Refund)
    wait_for_approval = step.approval(
        output="approval", deadline=Deadline(within=3_600, due_soon=600, escalation="operator_action")
    )
    record_approval = step(record_approval, output="refund")
    record_rejection = step(record_rejection)
    transitions = (
        wait_for_approval.ok.to(record_approval),
        wait_for_approval.error.to(record_rejection),
        record_approval.ok.to(end),
        record_rejection.ok.to(end),
    )
