"""What type checkers refuse: every line marked ERR, and no other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypedDict

from squidie_core.authoring import (
    Backoff,
    Deadline,
    Defer,
    FailStep,
    Retry,
    RetryStep,
    StepContext,
    Trigger,
    Workflow,
    end,
    sequence,
    step,
    trigger,
    where,
)


@dataclass
class Order:
    order_id: str


@dataclass
class Large(Order):
    amount: int = 1


class Request(TypedDict):
    order_id: str


def reserve(order_id: str) -> dict[str, int]:
    return {"reserved": len(order_id)}


def undo() -> None:
    pass


class Flow(Workflow, name="flow"):
    go = trigger.manual(Large)
    first = step(reserve)
    last = step(undo)
    hold = step.pause()
    transitions = sequence(first, last)


class Typo(Workflow, nmae="flow"):  # ERR
    go = trigger.manual(Order)


class WrongKeywords(Workflow, name=3, on_drift="explode"):  # ERR
    go = trigger.manual(Order)


Flow()  # ERR
Flow.frist  # ERR
Flow.first(3)  # ERR
Flow.first()  # ERR
Flow.last("x")  # ERR
Flow.hold(1)  # ERR
Flow.first.okay  # ERR

step(reserve, retries=3)  # ERR
step(reserve, retry="3")  # ERR
step(reserve, input="order_id")  # ERR
step(reserve, output=3)  # ERR
step(reserve, after=undo)  # ERR
step(reserve, compensate="undo")  # ERR
step(reserve, deadline=30)  # ERR
step(reserve, irreversible="yes")  # ERR
step("reserve")  # ERR
step.wait("1 hour")  # ERR
step.log("packed", level="warn")  # ERR
step.approval(transaction=True)  # ERR
Flow.first.using(retries=3)  # ERR

Flow.first.ok.to("end")  # ERR
Flow.first.ok.to(undo)  # ERR
Flow.first.ok.to(end, when="x")  # ERR
Flow.first.ok.to(end, when=where("x"))  # ERR
Flow.first.error.to(end, recovery="redo")  # ERR
Flow.first.error.to(end, max_visits="3")  # ERR
sequence(undo, Flow.first)  # ERR
where("a").greater_than("b")  # ERR
where(3)  # ERR

Retry("3")  # ERR
Retry(3, 5)  # ERR
Retry(retry_on=(KeyboardInterrupt,))  # ERR
Backoff(first=1)  # ERR
Deadline(300)  # ERR
Deadline(within=300, escalation="shout")  # ERR
Defer("later")  # ERR
Defer("later", after="5")  # ERR
RetryStep("busy", after="5")  # ERR
FailStep()  # ERR

trigger.manual(3)  # ERR
trigger.manual(Order, amount=int)  # ERR
trigger.cron("* * * * *", Order, values=lambda window: Request(order_id="x"), timezone=1)  # ERR
trigger.cron("* * * * *", Order, idempotency="never")  # ERR
invariant: Trigger[Order] = Flow.go  # ERR


def asks(ctx: StepContext, anything: Any) -> None:
    del anything
    ctx.run_id + 1  # ERR
    ctx.resource("bank")  # ERR
