"""The workflows that plans stand for, their bodies, and dynamic work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from sqlite3 import Connection
from types import new_class
from typing import Any

from squidie_core import (
    AttemptView,
    Backoff,
    Deadline,
    Defer,
    DynamicEdge,
    DynamicNode,
    DynamicWork,
    FailStep,
    Resource,
    Retry,
    RetryStep,
    StepContext,
    Transaction,
    Workflow,
    end,
    sequence,
    step,
    trigger,
    where,
)
from squidie_core.authoring.steps import AnyStep, Transition
from tests.clocks import Clock
from tests.exploring.outside import Outside
from tests.simulation.plans import WAIT, Act, Plan, StepPlan
from tests.simulation.stores import Store


def made(plan: Plan, name: str) -> type[Workflow]:
    """The workflow class."""
    steps: list[AnyStep] = []
    for place, planned in enumerate(plan.steps):
        steps.append(_step(planned, f"s{place}", [steps[before] for before in planned.after]))
    namespace: dict[str, Any] = {
        "begin": trigger.manual(number=int),
        "nightly": trigger.cron("0 0 * * *", idempotency="return_existing_run"),
        **{f"s{place}": made for place, made in enumerate(steps)},
    }
    if not plan.graph:
        namespace["transitions"] = tuple(_transitions(plan, steps))
    keywords = {"name": name, "on_drift": "fail" if plan.fails_on_drift else "continue"}
    return new_class(name, (Workflow,), keywords, lambda body: body.update(namespace))


def _step(planned: StepPlan, name: str, after: Sequence[AnyStep]) -> AnyStep:
    deadline = None if planned.deadline is None else Deadline(within=planned.deadline, due_soon=planned.deadline / 2)
    if planned.kind == "wait":
        return step.wait(WAIT, after=after)
    if planned.kind == "log":
        return step.log("here", after=after)
    if planned.kind == "pause":
        return step.pause(deadline=deadline)
    if planned.kind == "approval":
        return step.approval(output=name, deadline=deadline)
    options: dict[str, Any] = {
        "after": after,
        "output": name,
        "retry": Retry(planned.attempts, Backoff(0.01, WAIT)),
        "timeout": planned.timeout,
        "deadline": deadline,
        "await_children": planned.children > 0 and planned.awaited,
        "irreversible": planned.irreversible,
        "transaction": planned.transaction,
    }
    if planned.compensated:
        options |= {"compensate": _undoing(planned), "compensate_retry": 2}
    return step(_body(planned), **options)


def _transitions(plan: Plan, steps: Sequence[AnyStep]) -> list[Transition]:
    found: list[Transition] = []
    for place, planned in enumerate(plan.steps):
        here = steps[place]
        if planned.branch is not None:
            value, to = planned.branch
            found.append(here.ok.to(steps[to], when=where(f"s{place}.value").equals(value)))
        if planned.loops:
            found.append(here.ok.to(steps[0], when=where(f"s{place}.value").greater_than(-1), max_visits=2))
        found.append(here.ok.to(steps[place + 1] if place + 1 < len(steps) else end))
        if planned.error_to is not None:
            found.append(here.error.to(end if planned.error_to < 0 else steps[planned.error_to]))
    return found


def _grown(*, fails: bool) -> dict[str, Any]:
    if fails:
        raise FailStep("no light")
    return {"leaf": True}


class Leaf(Workflow, name="leaf"):
    """What steps start: a wait and a step, which fails where it is told to."""

    begin = trigger.manual(fails=bool)
    pause = step.wait(WAIT)
    grow = step(_grown, output="grown")
    transitions = sequence(pause, grow)


def _body(planned: StepPlan) -> Callable[..., Any]:
    children = {f"child-{number}": {"fails": number == 1} for number in range(planned.children)}

    def body(ctx: StepContext, outside: Resource[Outside], clock: Resource[Clock]) -> Any:
        if planned.in_bulk:
            ctx.start_children(Leaf.begin, children)
        else:
            for key, payload in children.items():
                ctx.start_child(Leaf.begin, payload, child_key=key)
        return _perform(ctx, outside, clock, planned.acts, planned.value)

    async def coroutine(ctx: StepContext, outside: Resource[Outside], clock: Resource[Clock]) -> Any:
        if planned.in_bulk:
            await ctx.start_children_async(Leaf.begin, children)
        else:
            for key, payload in children.items():
                await ctx.start_child_async(Leaf.begin, payload, child_key=key)
        return _perform(ctx, outside, clock, planned.acts, planned.value)

    def writing(
        ctx: StepContext,
        outside: Resource[Outside],
        clock: Resource[Clock],
        store: Resource[Store],
        tx: Transaction[Connection],
    ) -> Any:
        store.note(tx, ctx.runnable_key)
        return body(ctx, outside, clock)

    if planned.transaction:
        return writing
    return coroutine if planned.is_async else body


def perform(ctx: StepContext, outside: Resource[Outside], clock: Resource[Clock], acts: list[Act]) -> Any:
    """Do what the node of dynamic work says: the action of all of them."""
    return _perform(ctx, outside, clock, acts, 0)


def _perform(ctx: StepContext, outside: Outside, clock: Clock, acts: Sequence[Act], value: int) -> Any:
    outside.once(ctx.idempotency_key, ctx.step)
    _, deferred, times = ctx.runnable_key.partition(":deferred")
    call = ctx.attempt - 1 + (int(times[1:] or 1) if deferred else 0)
    act = acts[min(call, len(acts) - 1)]
    if act == "fail":
        raise ConnectionError(f"call {call}")
    if act == "give up":
        raise FailStep("no")
    if act == "retry later":
        raise RetryStep("later", after=WAIT)
    if act == "defer":
        return Defer("not yet", after=WAIT)
    if act == "take long":
        clock.now += round(WAIT * 1000)
    return {"value": value}


def dynamic_work(origin: AttemptView, choice: int) -> DynamicWork:
    """One to three nodes in one of several shapes, under one of two keys."""
    key = f"k{choice % 2}"
    names = [f"{key}-{number}" for number in range(1 + choice % 3)]
    acts = [(_NODE_ACTS[(choice // 3 + number) % len(_NODE_ACTS)], "ok") for number in range(len(names))]
    pairs = [(0, 1), (0, 2), (1, 2)][choice % 4 :]
    return DynamicWork(
        key=key,
        origin=origin,
        nodes=[
            DynamicNode(name, "perform", {"acts": list(each)}, retry=Retry(2, Backoff(0.01, WAIT)))
            for name, each in zip(names, acts, strict=True)
        ],
        edges=[DynamicEdge(names[before], names[after]) for before, after in pairs if after < len(names)],
    )


_NODE_ACTS: Sequence[Act] = ("ok", "ok", "fail", "retry later", "ok", "defer", "ok", "give up")


def _undoing(planned: StepPlan) -> Callable[..., Any]:
    fails_once = len(planned.acts) > 1

    def undo(ctx: StepContext, outside: Resource[Outside]) -> None:
        outside.once(ctx.idempotency_key, f"undo {ctx.step}")
        if fails_once and ctx.attempt == 1:
            raise ConnectionError("the line is busy")

    return undo
