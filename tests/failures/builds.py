"""Two builds of one application: in the new one a step is added, one has another name, and an input is added."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from squidie_core import Resource, StepContext, Workflow, sequence, step, trigger
from tests.runtime.trails import Trail
from tests.runtime.waiting import eventually


@dataclass
class OldOrder:
    order_id: str


@dataclass
class NewOrder:
    order_id: str
    currency: str = "gold"


def take(order_id: str) -> dict[str, Any]:
    return {"taken": order_id}


def wait_for_money(ctx: StepContext, trail: Trail) -> None:
    """Until somebody writes that this order, or any, is paid."""
    trail.begin(ctx)
    eventually(lambda: not {"paid", ctx.run_id}.isdisjoint(trail.lines()))


def pay(order_id: str, ctx: StepContext, trail: Resource[Trail]) -> dict[str, Any]:
    wait_for_money(ctx, trail)
    return {"paid": order_id}


def pay_in(order_id: str, ctx: StepContext, trail: Resource[Trail], currency: str = "gold") -> dict[str, Any]:
    wait_for_money(ctx, trail)
    return {"paid": f"{order_id} in {currency}"}


def check(taken: str) -> dict[str, Any]:
    return {"checked": taken}


def send(order_id: str) -> dict[str, Any]:
    return {"sent": order_id}


class OldShop(Workflow, name="shop", version="1"):
    order = trigger.manual(OldOrder)
    take = step(take)
    pay = step(pay)
    ship = step(send)
    transitions = sequence(take, pay, ship)


class NewShop(Workflow, name="shop", version="2"):
    order = trigger.manual(NewOrder)
    take = step(take)
    check = step(check)
    pay = step(pay_in)
    deliver = step(send)
    transitions = sequence(take, check, pay, deliver)


class OldTill(Workflow, name="till", version="1", on_drift="fail"):
    """Its runs go by their own definition or not at all."""

    order = trigger.manual(OldOrder)
    pay = step(pay)
    ship = step(send)
    transitions = sequence(pay, ship)


class NewTill(Workflow, name="till", version="2", on_drift="fail"):
    order = trigger.manual(OldOrder)
    pay = step(pay)
    deliver = step(send)
    transitions = sequence(pay, deliver)


OLD, NEW = (OldShop, OldTill), (NewShop, NewTill)
