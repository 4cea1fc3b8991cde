"""A small host application: one workflow, and the Squidie that its processes share."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TypedDict

from squidie_core import (
    Backoff,
    Deadline,
    Retry,
    Squidie,
    StepContext,
    Workflow,
    end,
    sequence,
    step,
    trigger,
    where,
)

STORE = "sqlite:///errands.db"


@dataclass
class Errand:
    """What the bearer is told."""

    ring_id: str
    bearer: str = "Frodo"
    route_preference: str = "moria"


class Route(TypedDict):
    """Which way to go."""

    decision: str
    path: str


def pack_provisions(bearer: str) -> dict[str, str]:
    """Pack for a long way."""
    return {"bread": "lembas", "carried_by": bearer}


def choose_path(bearer: str, decision: str) -> Route:
    """Take the way through the mines, once the council has agreed."""
    return {"decision": "auto" if decision == "approved" else "manual", "path": f"{bearer} goes by Moria"}


async def cross_moria(bearer: str, ctx: StepContext) -> dict[str, str]:
    """Cross the mines; a worker that dies in there is replaced when its lease has lapsed."""
    return {"crossed": f"{bearer} came out on the other side, at attempt {ctx.attempt}"}


def reserve_ride(bearer: str) -> dict[str, str]:
    """Call an eagle."""
    return {"ride": f"Gwaihir carries {bearer}"}


def cancel_ride(ride: str) -> None:
    """Send the eagle home."""
    print(f"not needed any more: {ride}")


def toss_ring(ring_id: str) -> dict[str, str]:
    """There is no way back from this."""
    return {"destroyed": ring_id}


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


def open_squidie() -> Squidie:
    """Open what every process of the application works with; `squidie worker` calls it too."""
    return Squidie(STORE, workflows=[RingErrand])


if __name__ == "__main__":
    with open_squidie() as squidie:
        ring = sys.argv[1] if len(sys.argv) > 1 else "one"
        print(squidie.start(RingErrand.leave_shire, Errand(ring), idempotency_key=f"ring {ring}").id)
