"""The workflow of `squidie demo`: carry the ring to the fire."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from squidie_core import Backoff, Deadline, Retry, StepContext, Workflow, end, sequence, step, trigger, where

TRAIL = "SQUIDIE_DEMO_TRAIL"
"""The variable that names the file in which bodies leave a line when they begin, so that the demo can count them."""


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
    _leave_trace("pack")
    return {"bread": "lembas", "carried_by": bearer}


def choose_path(bearer: str, decision: str) -> Route:
    """Take the way through the mines, once the council has agreed."""
    _leave_trace("choose")
    return {"decision": "auto" if decision == "approved" else "manual", "path": f"{bearer} goes by Moria"}


async def cross_moria(bearer: str, ctx: StepContext) -> dict[str, str]:
    """Cross the mines. In the demo the first to try never comes out: it waits for the end of its process."""
    if _leave_trace("cross") == 1:
        await asyncio.sleep(3600)
    return {"crossed": f"{bearer} came out on the other side, at attempt {ctx.attempt}"}


def reserve_ride(bearer: str) -> dict[str, str]:
    """Call an eagle."""
    _leave_trace("eagle")
    return {"ride": f"Gwaihir carries {bearer}"}


def cancel_ride(ride: str) -> None:
    """Send the eagle home."""
    _leave_trace(f"cancel {ride}")


def toss_ring(ring_id: str) -> dict[str, str]:
    """There is no way back from this."""
    _leave_trace("toss")
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


def _leave_trace(name: str) -> int:
    """Write that a body begins, where the demo wants to know; returns how often it has begun by now, 0 elsewhere."""
    if TRAIL not in os.environ:
        return 0
    trail = Path(os.environ[TRAIL])
    with trail.open("a", encoding="utf-8") as file:
        file.write(f"{name}\n")
    return trail.read_text("utf-8").splitlines().count(name)
