"""What type checkers accept, and what they see."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypedDict, assert_type

from squidie_core import AsyncSquidie, ChildRun, Snapshot, Squidie
from squidie_core.authoring import (
    AnyStep,
    Backoff,
    Deadline,
    Defer,
    FailStep,
    Outcome,
    Resource,
    Retry,
    RetryStep,
    Step,
    StepContext,
    Transition,
    Trigger,
    Window,
    Workflow,
    end,
    sequence,
    step,
    trigger,
    where,
)
from squidie_core.definition.model import Definition


class Bank:
    def charge(self, cents: int) -> str:
        return f"ch_{cents}"


@dataclass
class Order:
    order_id: str
    amount: int = 1


class Request(TypedDict):
    order_id: str


class Route(TypedDict):
    decision: str


def reserve(order_id: str) -> dict[str, int]:
    return {"reserved": len(order_id)}


def choose(order_id: str, amount: int = 1) -> Route | Defer:
    return {"decision": order_id} if amount else Defer("nothing yet", after=timedelta(minutes=1))


async def ship(order_id: str, ctx: StepContext, bank: Resource[Bank]) -> None:
    if ctx.attempt > 3:
        raise FailStep("enough")
    raise RetryStep(bank.charge(len(order_id)), after=3)


def undo(reserved: int) -> None:
    del reserved


def values(window: Window) -> Order:
    return Order(window.start.isoformat())


class Flow(Workflow, name="flow", version="1", queue="default", on_drift="fail"):
    by_class = trigger.manual(Order)
    by_dict = trigger.manual(Request)
    by_fields = trigger.manual(order_id=str, amount=int | None)
    by_nothing = trigger.manual()
    nightly = trigger.cron("0 21 * * *", Order, values=values, idempotency="skip_duplicate")
    hourly = trigger.cron("0 * * * *")

    first = step(reserve, compensate=undo, compensate_retry=2, max_deliveries=3)
    route = step(choose, input={"order_id": "order_id"}, output="route", retry=Retry(3, Backoff(max=30)))
    hold = step.pause(deadline=Deadline(within=60, due_soon=5, escalation="operator_action"))
    ask = step.approval(output="answer")
    rest = step.wait(timedelta(hours=1))
    note = step.log("rested", level="debug")
    last = step(ship, retry=3, timeout=30)

    @step(output="text")
    @staticmethod
    def in_place(order_id: str) -> str:
        return order_id

    transitions = (
        *sequence(first, route, hold, ask, rest, note, in_place),
        ask.error.to(end),
        in_place.ok.to(last, when=where("route.decision").equals("auto")),
        in_place.error.to(first, max_visits=3),
        last.error.to(end, recovery="undo"),
    )


class Base(Workflow, abstract=True):
    audit: AnyStep = step(undo)


class Child(Base, name="child"):
    go = trigger.manual(Order)
    audit = step(reserve)
    transitions = audit.ok.to(end)


assert_type(Flow.by_class, Trigger[Order])
assert_type(Flow.by_dict, Trigger[Request])
assert_type(Flow.by_fields, Trigger[Mapping[str, Any]])
assert_type(Flow.by_nothing, Trigger[None])
assert_type(Flow.nightly, Trigger[Order])
assert_type(Flow.hourly, Trigger[None])

assert_type(Flow.first("x"), dict[str, int])
assert_type(Flow.route("x", 3), Route | Defer)
assert_type(Flow.route(order_id="x"), Route | Defer)
shipping: Coroutine[Any, Any, None] = Flow.last("x", StepContext("run"), Bank())
assert_type(Flow.in_place("x"), str)
assert_type(Flow.ask(), dict[str, Any])
assert_type(Flow.first.using(retry=5)("x"), dict[str, int])

assert_type(Flow.first.ok, Outcome)
assert_type(Flow.first.ok.to(end), Transition)
assert_type(sequence(Flow.first, Flow.last), tuple[Transition, ...])
assert_type(Flow.definition, Definition)
assert_type(StepContext("run").resource(Bank), Bank)
assert_type(Child.audit, AnyStep)


async def starts_children(ctx: StepContext) -> None:
    one = ctx.start_child(Flow.by_class, Order("one"), child_key="one", metadata={"why": "asked"})
    assert_type(one, ChildRun)
    ctx.start_child(Flow.by_nothing, child_key="two", queue="other", delay=timedelta(minutes=1))
    ctx.start_child(Flow, {"order_id": "one"}, child_key="three", trigger="by_fields", priority=1)
    assert_type(ctx.start_children(Flow.by_class, {"one": Order("one")}), dict[str, ChildRun])
    assert_type(await ctx.start_child_async(Flow.by_class, Order("one"), child_key="one"), ChildRun)
    assert_type(await ctx.start_children_async(Flow, {"one": {"order_id": "one"}}), dict[str, ChildRun])


def takes_any(one: AnyStep, other: Step[..., object], third: type[Workflow]) -> None:
    del one, other, third


takes_any(Flow.first, Flow.last, Flow)
takes_any(Flow.hold, Flow.route, Base)


def uses_the_facade(squidie: Squidie) -> None:
    run = squidie.start(Flow.by_class, Order("one"))
    squidie.start(Flow.by_dict, Request(order_id="one"))
    squidie.start(Flow.by_fields, {"order_id": "one"}, delay=timedelta(minutes=1), tags=["a"])
    squidie.start(Flow.by_nothing)
    squidie.start(Flow, {"order_id": "one"}, trigger="by_fields", run_id=run.id)
    assert_type(run, Snapshot)
    assert_type(run.output(Flow.first), dict[str, int])
    assert_type(run.output(Flow.route), Route)
    assert_type(run.output(Flow.last), None)
    assert_type(run.output(Flow.ask), dict[str, Any])
    assert_type(squidie.execute_next(lease_for=timedelta(seconds=5)), Snapshot | None)
    squidie.approve(run, actor="ada")
    squidie.cancel(run.id)


async def uses_the_twin(squidie: AsyncSquidie) -> None:
    run = await squidie.start(Flow.by_class, Order("one"))
    await squidie.start(Flow.by_fields, {"order_id": "one"}, delay=timedelta(minutes=1), tags=["a"])
    await squidie.start(Flow.by_nothing)
    await squidie.start(Flow, {"order_id": "one"}, trigger="by_fields", run_id=run.id)
    assert_type(run, Snapshot)
    assert_type(await squidie.start_many(Flow.by_class, [Order("one")], tags=["a"]), list[Snapshot])
    assert_type(await squidie.inspect_run(run, include_history=True), Snapshot)
    assert_type(await squidie.execute_next(lease_for=timedelta(seconds=5)), Snapshot | None)
    assert_type(await squidie.unquarantine(run), bool)
    await squidie.approve(run, actor="ada")
    assert_type(squidie.sync, Squidie)
