"""Two look-ups side by side, and what needs both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

from host_app.services import Services
from squidie_core import Resource, StepContext, Workflow, step, trigger


@dataclass
class Reminder:
    """Whom to remind of what."""

    account_id: str
    invoice_id: str


class Account(TypedDict):
    """A customer."""

    id: str
    tier: str


class Invoice(TypedDict):
    """What is owed."""

    id: str


def load_account(account_id: str) -> Account:
    """Look the customer up."""
    return {"id": account_id, "tier": "gold"}


def load_invoice(invoice_id: str) -> Invoice:
    """Look the invoice up."""
    return {"id": invoice_id}


def prepare_notification(
    account: str, invoice: str, tier: str, ctx: StepContext, services: Resource[Services]
) -> dict[str, str]:
    """Write the letter."""
    services.once(ctx.idempotency_key, "letter", account=account, invoice=invoice)
    return {"text": f"Dear {account} ({tier}), please pay {invoice}."}


class DependencyRecovery(Workflow, name="dependency-recovery", version="2026-11-21"):
    """A join takes named values out of what the steps before it gave."""

    dependency_recovery = trigger.manual(Reminder)
    load_account = step(load_account, output="account")
    load_invoice = step(load_invoice, output="invoice")
    prepare_notification = step(
        prepare_notification,
        after=[load_account, load_invoice],
        input={"account": "account.id", "invoice": "invoice.id", "tier": "account.tier"},
        output="notification",
    )
