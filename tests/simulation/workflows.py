"""Workflows at random: chains with routes, loops, gates and waits, and graphs of dependencies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import new_class
from typing import Any, Literal

from hypothesis import strategies as st

from squidie_core import (
    AttemptView,
    Backoff,
    Defer,
    DynamicEdge,
    DynamicNode,
    DynamicWork,
    FailStep,
    Resource,
    Retry,
    RetryStep,
    StepContext,
    Workflow,
    end,
    sequence,
    step,
    trigger,
    where,
)
from squidie_core.authoring.steps import AnyStep, Transition
from tests.exploring.outside import Outside

Act = Literal["ok", "fail", "give up", "retry later", "defer"]
"""What a body does when it is called."""
Kind = Literal["run", "wait", "log", "pause", "approval"]

WAIT = 0.04
"""Seconds: how long waits, deferrals and backoffs of these workflows take, at most."""


@dataclass(frozen=True)
class StepPlan:
    """`acts`: one for each call in turn, the last for all further ones. `value`: what its result holds."""

    kind: Kind = "run"
    acts: tuple[Act, ...] = ("ok",)
    value: int = 0
    attempts: int = 1
    compensated: bool = False
    """It has a compensation, which fails once where `acts` is longer than one."""
    error_to: int | None = None
    """The step of its error route: -1 is the end."""
    branch: tuple[int, int] | None = None
    """Where the step's value is the first, the run goes to the step of the second number."""
    loops: bool = False
    """Twice it goes back to the first step."""
    children: int = 0
    """So many runs of a workflow without children its body starts."""
    awaited: bool = False
    """The step waits for them."""
    timeout: float | None = None
    """Seconds."""
    after: tuple[int, ...] = ()


@dataclass(frozen=True)
class Plan:
    """A workflow to be made."""

    steps: tuple[StepPlan, ...]
    graph: bool = False


def plans() -> st.SearchStrategy[Plan]:
    """Chains and graphs of one to five steps."""
    return st.one_of(_chains(), _graphs())


@st.composite
def _chains(draw: st.DrawFn) -> Plan:
    count = draw(st.integers(1, 5))
    return Plan(tuple(draw(_chained(place, count)) for place in range(count)))


@st.composite
def _chained(draw: st.DrawFn, place: int, count: int) -> StepPlan:
    kind: Kind = draw(st.sampled_from(["run", "run", "run", "run", "wait", "log", "pause", "approval"]))
    later = list(range(place + 1, count))
    errors = st.sampled_from([None, -1, *later]) if kind != "approval" else st.sampled_from([-1, *later])
    if kind in ("wait", "log", "pause"):
        errors = st.none()
    value = draw(st.integers(0, 2))
    branches = (
        st.none() if not later or kind != "run" else st.none() | st.tuples(st.just(value), st.sampled_from(later))
    )
    return StepPlan(
        kind=kind,
        **(draw(_bodies()) if kind == "run" else {}),
        value=value,
        error_to=draw(errors),
        branch=draw(branches),
        loops=kind == "run" and place > 0 and draw(st.integers(0, 5)) == 0,
    )


@st.composite
def _graphs(draw: st.DrawFn) -> Plan:
    steps: list[StepPlan] = []
    for place in range(draw(st.integers(2, 5))):
        kind: Kind = draw(st.sampled_from(["run", "run", "run", "wait", "log"]))
        after = draw(st.sets(st.integers(0, place - 1), max_size=3)) if place else set[int]()
        if place == 1 and not after:
            after = {0}  # without any dependency it would be a chain without transitions
        bodies = draw(_bodies()) if kind == "run" else {}
        steps.append(StepPlan(kind=kind, after=tuple(sorted(after)), **bodies))
    return Plan(tuple(steps), graph=True)


@st.composite
def _bodies(draw: st.DrawFn) -> dict[str, Any]:
    acts: list[Act] = draw(st.lists(st.sampled_from(_ACTS), max_size=2))
    return {
        "acts": (*acts, "ok" if draw(st.integers(0, 5)) else "fail"),
        "attempts": draw(st.integers(1, 4)),
        "compensated": draw(st.booleans()),
        "children": draw(st.sampled_from([0, 0, 0, 1, 2])),
        "awaited": draw(st.booleans()),
        "timeout": draw(st.sampled_from([None, None, None, WAIT])),
    }


_ACTS: Sequence[Act] = ("ok", "fail", "retry later", "defer", "give up")


def made(plan: Plan, name: str) -> type[Workflow]:
    """The workflow class."""
    steps: list[AnyStep] = []
    for place, planned in enumerate(plan.steps):
        steps.append(_step(planned, f"s{place}", [steps[before] for before in planned.after]))
    namespace: dict[str, Any] = {"begin": trigger.manual(), **{f"s{place}": made for place, made in enumerate(steps)}}
    if not plan.graph:
        namespace["transitions"] = tuple(_transitions(plan, steps))
    return new_class(name, (Workflow,), {"name": name}, lambda body: body.update(namespace))


def _step(planned: StepPlan, name: str, after: Sequence[AnyStep]) -> AnyStep:
    if planned.kind == "wait":
        return step.wait(WAIT, after=after)
    if planned.kind == "log":
        return step.log("here", after=after)
    if planned.kind == "pause":
        return step.pause()
    if planned.kind == "approval":
        return step.approval(output=name)
    options: dict[str, Any] = {"after": after, "output": name, "retry": Retry(planned.attempts, Backoff(0.01, WAIT))}
    if planned.timeout is not None:
        options["timeout"] = planned.timeout
    if planned.children and planned.awaited:
        options["await_children"] = True
    if planned.compensated:
        options |= {"compensate": _undoing(), "compensate_retry": 2}
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
    def body(ctx: StepContext, outside: Resource[Outside]) -> Any:
        for number in range(planned.children):
            ctx.start_child(Leaf.begin, {"fails": number == 1}, child_key=f"child {number}")
        return _perform(ctx, outside, planned.acts, planned.value)

    return body


def perform(ctx: StepContext, outside: Resource[Outside], acts: list[Act]) -> Any:
    """Do what the node of dynamic work says: the action of all of them."""
    return _perform(ctx, outside, acts, 0)


def _perform(ctx: StepContext, outside: Outside, acts: Sequence[Act], value: int) -> Any:
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


def _undoing() -> Callable[..., Any]:
    def undo(ctx: StepContext, outside: Resource[Outside]) -> None:
        outside.once(ctx.idempotency_key, f"undo {ctx.step}")

    return undo
