"""Workflows that start others, for the tests of children."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from squidie_core import Resource, Retry, StepContext, Workflow, sequence, step, trigger
from tests.runtime.flows import Order


def pack(order_id: str, amount: int) -> dict[str, Any]:
    if amount < 0:
        raise ValueError("nothing to pack")
    return {"parcel": f"{amount} for {order_id}"}


class Packing(Workflow, name="packing"):
    order = trigger.manual(Order)
    pack = step(pack)


class Gated(Workflow, name="gated"):
    """Waits for somebody before it ends."""

    begin = trigger.manual()
    gate = step.pause()


def send_out(ctx: StepContext, orders: dict[str, int]) -> dict[str, Any]:
    runs = ctx.start_children(Packing.order, {key: Order(key, amount) for key, amount in orders.items()})
    return {"sent": sorted(runs)}


def tell(children: dict[str, Any]) -> dict[str, Any]:
    return {"told": {key: child["status"] for key, child in sorted(children.items())}}


class Shipping(Workflow, name="shipping"):
    """Starts a run for each order, and goes on when all have ended."""

    begin = trigger.manual(orders=dict)
    send_out = step(send_out, await_children=True)
    tell = step(tell)
    transitions = sequence(send_out, tell)


class Play:
    """What a body does is up to the test."""

    def __init__(self, act: Callable[[StepContext], Any]) -> None:
        self.act = act


def act(ctx: StepContext, play: Resource[Play]) -> Any:
    return play.act(ctx)


class Parent(Workflow, name="parent"):
    begin = trigger.manual()
    act = step(act, retry=Retry(2, backoff=None))


class Waiting(Workflow, name="waiting"):
    """Waits for whatever its step starts."""

    begin = trigger.manual()
    act = step(act, await_children=True, retry=Retry(2, backoff=None))


class Named(Workflow, name="named"):
    """The same, with a name for the result."""

    begin = trigger.manual()
    act = step(act, await_children=True, output="acted")
    tell = step(tell, input={"children": "acted.children"})
    transitions = sequence(act, tell)


ALL: tuple[type[Workflow], ...] = (Packing, Gated, Shipping, Parent, Waiting, Named)
