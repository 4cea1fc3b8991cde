"""What is explored: workflows, how their runs begin, and what people do about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from host_app.application import WorkflowRuns
from host_app.scenarios import DAY, SCENARIOS, Scenario
from host_app.services import Services
from host_app.workflows import ALL
from squidie_contract import Harness
from squidie_core import (
    Deadline,
    Defer,
    DynamicEdge,
    DynamicNode,
    DynamicWork,
    FailStep,
    Resource,
    Retry,
    Scheduler,
    Signal,
    Snapshot,
    Squidie,
    StepContext,
    Transaction,
    Workflow,
    end,
    sequence,
    step,
    trigger,
)


def _nothing(_squidie: Squidie, _run: Snapshot) -> None:
    """Leave the run alone."""


@dataclass(frozen=True)
class Tale:
    """`begin` starts the run, or finds it; `act` is called while the run is not over and no worker has anything to do.

    Both may be called again after a crash, so they carry idempotency keys. `retries`: bodies use the wire themselves,
    so a lost request may fail an attempt, and the next one succeeds.
    """

    name: str
    begin: Callable[[Squidie], Snapshot]
    ends: str
    act: Callable[[Squidie, Snapshot], None] = _nothing
    workflows: Sequence[type[Workflow]] = ALL
    actions: Mapping[str, Callable[..., Any]] = field(default_factory=dict[str, Callable[..., Any]])
    retries: bool = False


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


def _tick(squidie: Squidie) -> Snapshot:
    """A scheduler that begins anew finds the window's run, however far that has come."""
    (done,) = Scheduler(squidie, catch_up=0).tick(DAY)
    assert done.run is not None
    return done.run


REFERENCE = (
    *map(_tale, SCENARIOS),
    Tale("digest-by-schedule", lambda squidie: WorkflowRuns(squidie).deliver_digest(DAY), "completed"),
    Tale("digest-by-scheduler", _tick, "completed"),
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


def _pick(ctx: StepContext, services: Resource[Services], fruit: str) -> dict[str, str]:
    services.once(ctx.idempotency_key, "picked", fruit=fruit)
    if fruit == "plum":
        raise FailStep("unripe")
    return {"basket": fruit}


class _Picking(Workflow, name="picking"):
    begin = trigger.manual(fruit=str)
    pick = step(_pick)


def _send_out(ctx: StepContext) -> dict[str, int]:
    fruits = ("apple", "pear", "plum")
    return {"sent": len(ctx.start_children(_Picking.begin, {fruit: {"fruit": fruit} for fruit in fruits}))}


def _count(ctx: StepContext, services: Resource[Services], children: dict[str, Any]) -> dict[str, str]:
    services.once(ctx.idempotency_key, "counted")
    return {fruit: child["status"] for fruit, child in sorted(children.items())}


class _Harvest(Workflow, name="harvest"):
    begin = trigger.manual()
    send_out = step(_send_out, await_children=True)
    count = step(_count, output="counted")
    transitions = sequence(send_out, count)


CHILDREN = Tale(
    "children",
    lambda squidie: squidie.start(_Harvest.begin, idempotency_key="the only one"),
    "completed",
    workflows=(_Harvest, _Picking),
)


def _undone(squidie: Squidie, run: Snapshot) -> None:
    """An operator gives up, and what was done is undone."""
    if run.status == "paused":
        squidie.cancel(run, actor="ada", compensate=True, idempotency_key="give up")


def _book(ctx: StepContext, services: Resource[Services]) -> dict[str, str]:
    services.once(ctx.idempotency_key, "booked")
    return {"booking": ctx.step}


def _unbook(ctx: StepContext, services: Resource[Services], booking: str) -> None:
    services.once(ctx.idempotency_key, "unbooked", booking=booking)
    if ctx.attempt == 1:
        raise ConnectionError("the line is busy")


class _Journey(Workflow, name="journey"):
    begin = trigger.manual()
    train = step(_book, compensate=_unbook, compensate_retry=2)
    hotel = step(_book, compensate=_unbook)
    review = step.pause()
    transitions = sequence(train, hotel, review)


UNDONE = Tale(
    "cancelled-and-undone",
    lambda squidie: squidie.start(_Journey.begin, idempotency_key="the only one"),
    "cancelled",
    _undone,
    workflows=(_Journey,),
)


def _again(squidie: Squidie) -> Snapshot:
    """A run that was stopped before it had begun is done again, by a signal."""
    stopped = squidie.start(_Letter.begin, idempotency_key="the only one", delay=60)
    squidie.cancel(stopped, actor="ada", idempotency_key="stop")
    return squidie.apply_signal(Signal.replay_run(stopped.id, actor="ada", idempotency_key="again"))


def _sent(squidie: Squidie, run: Snapshot) -> None:
    if run.status == "paused":
        squidie.approve(run, actor="ada", comment="send it", idempotency_key="yes")


def _write(ctx: StepContext, services: Resource[Services]) -> dict[str, str] | Defer:
    if ctx.runnable_key == ctx.idempotency_key:
        return Defer("no ink", after=0.02)
    services.once(ctx.idempotency_key, "written")
    return {"text": "dear all"}


class _Letter(Workflow, name="letter"):
    begin = trigger.manual()
    write = step(_write, deadline=Deadline(within=60))
    review = step.approval(output="review", deadline=Deadline(within=60))
    transitions = (write.ok.to(review), review.ok.to(end), review.error.to(end))


REPLAYED = Tale("replayed", _again, "completed", _sent, workflows=(_Letter,))

TALES = (*REFERENCE, DYNAMIC, CHILDREN, UNDONE, REPLAYED)
"""All that is explored."""


def _order(squidie: Squidie) -> Snapshot:
    """The application's row and the run are there together, or neither is."""
    books: Harness = squidie.store.catalog.resources[Harness]  # type: ignore[assignment]  # whatever was given
    if "ordered" in books.notes():
        (known,) = squidie.list_runs(workflow=_Books).runs
        return squidie.inspect_run(known.id)
    with books.host_transaction() as transaction:
        books.note(transaction, "ordered")
        return squidie.within(transaction).start(_Books.begin, idempotency_key="the only one")


def _enter(ctx: StepContext, books: Resource[Harness], tx: Transaction[Connection]) -> None:
    books.note(tx, ctx.step)
    if ctx.step == "credit" and ctx.attempt == 1:
        raise ConnectionError("the bank is closed")


class _Books(Workflow, name="books"):
    begin = trigger.manual()
    debit = step(_enter, transaction=True, retry=Retry(3, None))
    credit = step(_enter, transaction=True, retry=Retry(3, None))
    transitions = sequence(debit, credit)


BOOKS = Tale("books", _order, "completed", workflows=(_Books,), retries=True)
"""For stores that take part in the host's transactions."""
