"""Five workflows, with every form of a declaration among them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, TypedDict

from squidie_core.authoring import (
    Backoff,
    Deadline,
    Defer,
    Resource,
    Retry,
    StepContext,
    Window,
    Workflow,
    end,
    sequence,
    step,
    trigger,
    where,
)


class Bank:
    """What the application brings."""

    def refund(self, cents: int) -> str:
        return f"re_{cents}"


class Route(TypedDict):
    decision: str


@dataclass
class Errand:
    ring_id: str
    bearer: str = "Frodo"
    route_preference: str = "moria"


def pack_provisions(bearer: str) -> dict[str, Any]:
    return {"bread": len(bearer)}


def choose_path(bearer: str, decision: str) -> Route:
    return {"decision": "auto" if decision == "approved" else bearer}


async def cross_moria(bearer: str, ctx: StepContext) -> dict[str, Any] | Defer:
    return {"crossed": bearer} if ctx.attempt else Defer("the gate is shut", after=5)


def reserve_ride(bearer: str) -> dict[str, Any]:
    return {"ride_id": bearer}


def cancel_ride(ride_id: str) -> None:
    del ride_id


def toss_ring(ring_id: str) -> None:
    del ring_id


class RingErrand(Workflow, name="ring-errand", version="2026-11-21"):
    """Carry the ring to the fire."""

    leave_shire = trigger.manual(Errand)

    pack = step(pack_provisions, output="provisions")
    hide = step.pause()
    council = step.approval(output="council", deadline=Deadline(within=300, due_soon=60, escalation="operator_action"))
    choose = step(choose_path, input={"decision": "council.decision"}, output="route")
    cross = step(cross_moria, retry=Retry(3, Backoff(min=1, max=30)))
    eagle = step(reserve_ride, compensate=cancel_ride)
    toss = step(toss_ring, irreversible=True)

    transitions = (
        *sequence(pack, hide, council, choose),
        council.error.to(end),
        choose.ok.to(cross, when=where("route.decision").equals("auto")),
        choose.ok.to(eagle),
        cross.ok.to(eagle),
        cross.error.to(end, recovery="undo"),
        eagle.ok.to(toss),
    )


@dataclass
class Order:
    order_id: str
    amount: int


def reserve_stock(order_id: str) -> dict[str, Any]:
    return {"reservation": order_id}


def release_stock(reservation: str) -> None:
    del reservation


def charge_card(order_id: str, amount: int) -> dict[str, Any]:
    return {"payment_id": f"{order_id}:{amount}"}


def refund_card(payment_id: str, bank: Resource[Bank]) -> None:
    bank.refund(len(payment_id))


def ship_order(order_id: str) -> dict[str, Any]:
    return {"parcel": order_id}


class Checkout(Workflow, name="checkout", version="1"):
    place = trigger.manual(Order)
    reserve = step(reserve_stock, compensate=release_stock)
    charge = step(charge_card, compensate=step(refund_card, retry=5), retry=Retry(5))
    ship = step(ship_order, irreversible=True)
    transitions = sequence(reserve, charge, ship)


def march() -> dict[str, Any]:
    return {}


def declare() -> dict[str, Any]:
    return {}


class ParallelAttack(Workflow, name="parallel-attack"):
    begin = trigger.manual()
    marching = step(march)
    rally = step(march)
    dusk = step.wait(timedelta(minutes=5), after=[rally])
    victory = step(declare, after=[marching, rally, dusk])
    tell = step.log("won", level="warning", after=[victory])


@dataclass
class Digest:
    day: date


def yesterday(window: Window) -> Digest:
    return Digest(window.start.date() - timedelta(days=1))


def collect_stories(day: date) -> dict[str, Any]:
    return {"stories": [day]}


def render(stories: list[Any]) -> dict[str, Any]:
    return {"html": str(stories)}


def deliver(html: str) -> None:
    del html


class DailyDigest(Workflow, name="daily-digest"):
    nightly = trigger.cron(
        "0 7 * * *", Digest, values=yesterday, timezone="Europe/Berlin", idempotency="return_existing_run"
    )
    by_hand = trigger.manual(Digest)
    collect = step(collect_stories, retry=3)
    render = step(render, after=[collect])
    deliver = step(deliver, after=[render], irreversible=True)


class RefundRequest(TypedDict):
    order_id: str
    amount: int


def draft_refund(order_id: str, amount: int) -> dict[str, Any]:
    return {"draft": f"{order_id} {amount}"}


def pay_out(order_id: str, amount: int, bank: Resource[Bank]) -> None:
    bank.refund(amount + len(order_id))


def tell_customer(order_id: str) -> None:
    del order_id


class Refund(Workflow, name="refund"):
    ask = trigger.manual(RefundRequest)
    draft = step(draft_refund)
    approve = step.approval(output="verdict", deadline=Deadline(within=timedelta(days=2), due_soon=timedelta(hours=4)))
    pay = step(pay_out, irreversible=True, retry=3)
    tell = step(tell_customer)
    transitions = (*sequence(draft, approve, pay, tell), approve.error.to(tell))


ALL = (RingErrand, Checkout, ParallelAttack, DailyDigest, Refund)
