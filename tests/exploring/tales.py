"""What is explored: workflows, how their runs begin, and what people do about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from host_app.application import WorkflowRuns
from host_app.scenarios import DAY, SCENARIOS, Scenario
from host_app.services import Services
from host_app.workflows import ALL
from squidie_core import (
    DynamicEdge,
    DynamicNode,
    DynamicWork,
    Resource,
    Retry,
    Snapshot,
    Squidie,
    StepContext,
    Workflow,
    sequence,
    step,
    trigger,
)


def _nothing(_squidie: Squidie, _run: Snapshot) -> None:
    """Leave the run alone."""


@dataclass(frozen=True)
class Tale:
    """`begin` starts the run, or finds it; `act` is called while the run is not over and no worker has anything to do.

    Both may be called again after a crash, so they carry idempotency keys.
    """

    name: str
    begin: Callable[[Squidie], Snapshot]
    ends: str
    act: Callable[[Squidie, Snapshot], None] = _nothing
    workflows: Sequence[type[Workflow]] = ALL
    actions: Mapping[str, Callable[..., Any]] = field(default_factory=dict[str, Callable[..., Any]])


def _tale(scenario: Scenario) -> Tale:
    def act(squidie: Squidie, run: Snapshot) -> None:
        if run.status == "paused":
            scenario.decide(WorkflowRuns(squidie), run)

    return Tale(
        name=scenario.name,
        begin=lambda squidie: scenario.start(WorkflowRuns(squidie), "the only one"),
        ends=scenario.ends,
        act=act,
    )


REFERENCE = (
    *map(_tale, SCENARIOS),
    Tale("digest-by-schedule", lambda squidie: WorkflowRuns(squidie).deliver_digest(DAY), "completed"),
)
"""The reference workflows of the host application, each on its ways."""


def _find_chats() -> dict[str, list[str]]:
    return {"chats": ["one", "two"]}


def _deliver(ctx: StepContext, services: Resource[Services], chat: str) -> str:
    services.once(ctx.idempotency_key, "delivery", chat=chat)
    if chat == "two" and ctx.attempt == 1:
        raise ConnectionError("nobody listens yet")
    return f"delivered to {chat}"


def _report(ctx: StepContext, services: Resource[Services], **deliveries: str) -> list[str]:
    services.once(ctx.idempotency_key, "report")
    return sorted(deliveries)


class _Fanout(Workflow, name="fanout"):
    begin = trigger.manual()
    find = step(_find_chats)
    review = step.pause()
    transitions = sequence(find, review)


def _fan_out(squidie: Squidie, run: Snapshot) -> None:
    """Schedule a node for each chat and one that follows them, and let the run go on."""
    if run.status == "paused":
        chats: list[str] = run.output(_Fanout.find)["chats"]
        work = DynamicWork(
            key="fanout",
            origin=run.attempts[0],
            nodes=[
                *(DynamicNode(chat, "deliver", {"chat": chat}, retry=Retry(2, None)) for chat in chats),
                DynamicNode("report", "report"),
            ],
            edges=[DynamicEdge(chat, "report") for chat in chats],
        )
        squidie.schedule_dynamic_work(run, work)
        squidie.resume(run, idempotency_key="go on")


DYNAMIC = Tale(
    "dynamic-work",
    lambda squidie: squidie.start(_Fanout.begin, idempotency_key="the only one"),
    "completed",
    _fan_out,
    workflows=(_Fanout,),
    actions={"deliver": _deliver, "report": _report},
)

TALES = (*REFERENCE, DYNAMIC)
"""All that is explored."""
