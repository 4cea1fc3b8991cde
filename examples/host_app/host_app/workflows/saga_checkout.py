"""A checkout whose steps are undone, last first, where the payment cannot be captured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from host_app.services import Services
from squidie_core import Backoff, Resource, Retry, StepContext, Workflow, sequence, step, trigger


@dataclass
class Order:
    """`card` is what the bank will say of it."""

    order_id: str
    card: Literal["good", "declined"] = "good"


class CardDeclined(Exception):
    """The bank refuses the card."""


def reserve_inventory(order_id: str, ctx: StepContext, services: Resource[Services]) -> dict[str, str]:
    """Put the goods aside."""
    services.once(ctx.idempotency_key, "reserve", order=order_id)
    return {"reservation": f"R-{order_id}"}


def release_inventory(reservation: str, ctx: StepContext, services: Resource[Services]) -> None:
    """Put them back."""
    services.once(ctx.idempotency_key, "release", reservation=reservation)


def authorize_payment(order_id: str, ctx: StepContext, services: Resource[Services]) -> dict[str, str]:
    """Hold the money."""
    services.once(ctx.idempotency_key, "authorize", order=order_id)
    return {"authorization": f"A-{order_id}"}


def void_authorization(authorization: str, ctx: StepContext, services: Resource[Services]) -> None:
    """Let go of it."""
    services.once(ctx.idempotency_key, "void", authorization=authorization)


def capture_payment(card: str, authorization: str, ctx: StepContext, services: Resource[Services]) -> dict[str, str]:
    """Take the money."""
    if card == "declined":
        raise CardDeclined(f"the bank declines attempt {ctx.attempt}")
    services.once(ctx.idempotency_key, "capture", authorization=authorization)
    return {"captured": authorization}


class SagaCheckout(Workflow, name="saga-checkout", version="2026-11-21"):
    """Each effect stands beside what takes it back."""

    saga_checkout = trigger.manual(Order)
    reserve = step(reserve_inventory, compensate=release_inventory, compensate_retry=3)
    authorize = step(authorize_payment, compensate=void_authorization, compensate_retry=3)
    capture = step(capture_payment, retry=Retry(2, Backoff(min=0.01, max=0.01)))
    transitions = sequence(reserve, authorize, capture)
