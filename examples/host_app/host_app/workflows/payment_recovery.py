"""A payment failed: ask the gateway a few times, give a credit where it stays away, and tell the customer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypedDict

from host_app.services import Services
from squidie_core import Backoff, Resource, Retry, StepContext, Workflow, end, step, trigger


@dataclass
class FailedPayment:
    """`gateway` is how the gateway will behave: it comes back at the third call, or not at all."""

    account_id: str
    invoice_id: str
    gateway: Literal["up", "flaky", "down"] = "flaky"


class Invoice(TypedDict):
    """What is owed."""

    id: str
    cents: int


class GatewayDown(Exception):
    """The gateway does not answer."""


def load_invoice(invoice_id: str) -> Invoice:
    """Look the invoice up."""
    return {"id": invoice_id, "cents": 4_200}


def check_gateway(
    gateway: str, invoice: Invoice, ctx: StepContext, services: Resource[Services]
) -> dict[str, str | int]:
    """Charge once more; the same key for every attempt, so that no customer pays twice."""
    if gateway == "down" or (gateway == "flaky" and ctx.attempt < 3):  # noqa: PLR2004  # as the payload's contract says
        raise GatewayDown(f"no answer to attempt {ctx.attempt}")
    services.once(ctx.idempotency_key, "charge", invoice=invoice["id"], cents=invoice["cents"])
    return {"charged": invoice["id"], "attempts": ctx.attempt}


def issue_credit(invoice: Invoice, ctx: StepContext, services: Resource[Services]) -> dict[str, int]:
    """Give the customer a credit instead."""
    services.once(ctx.idempotency_key, "credit", invoice=invoice["id"], cents=invoice["cents"])
    return {"cents": invoice["cents"]}


def notify_customer(account_id: str, ctx: StepContext, services: Resource[Services]) -> dict[str, str]:
    """Tell the customer. A mail cannot be taken back."""
    services.once(ctx.idempotency_key, "mail", account=account_id)
    return {"notified": account_id}


class PaymentRecovery(Workflow, name="payment-recovery", version="2026-11-21"):
    """Retries, a recovery route, and a step whose effect cannot be undone."""

    payment_recovery = trigger.manual(FailedPayment)
    load = step(load_invoice, output="invoice")
    check = step(check_gateway, output="gateway_check", retry=Retry(5, Backoff(min=0.01, max=0.05)))
    credit = step(issue_credit, output="credit")
    notify = step(notify_customer, output="notification", compensatable=False)
    transitions = (
        load.ok.to(check),
        check.ok.to(notify),
        check.error.to(credit, recovery="compensation"),
        credit.ok.to(notify),
        notify.ok.to(end),
    )
