"""All workflows that are measured; their bodies do next to nothing."""

from __future__ import annotations

import time
import types
from typing import Any

from benchmarks.ours.chain import Chain
from squidie_core import Resource, StepContext, Workflow, step, trigger

NODES = 1_000


class Gate:
    """Bodies pass freely while it is open; what it does otherwise is its subclass's business."""

    def body_begins(self, run_id: str) -> None:
        """Let the body of a run pass, now or later."""


_gate = Gate()


def put_up(gate: Gate) -> None:
    """Let the bodies of the loop pass this gate from now on."""
    global _gate  # noqa: PLW0603  # a body has no other way to the process that hosts it
    _gate = gate


def again(ctx: StepContext) -> None:
    """One turn of the loop."""
    _gate.body_begins(ctx.run_id)


class Loop(Workflow, name="loop", version="1"):
    """One step, again and again."""

    go = trigger.manual()

    turn = step(again)

    transitions = (turn.ok.to(turn, max_visits=1_000_000),)


def node() -> dict[str, Any]:
    """One of many that wait for nothing."""
    return {}


def _nodes(namespace: dict[str, Any]) -> None:
    namespace["go"] = trigger.manual()
    for number in range(NODES):
        namespace[f"node{number}"] = step(node)


Wide: type[Workflow] = types.new_class("Wide", (Workflow,), {"name": "wide", "version": "1"}, _nodes)


class Bell:
    """Notes how long after a time by this machine's monotonic clock a body began."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def ring(self, at: float) -> None:
        """It is now."""
        self.seconds.append(time.monotonic() - at)


def ring(at: float, bell: Resource[Bell]) -> None:
    """The first body of a run that was started at that time."""
    bell.ring(at)


class Woken(Workflow, name="woken", version="1"):
    """A body that says how late it is. Not among the others, because it needs a Bell."""

    go = trigger.manual(at=float)

    ring = step(ring)


WORKFLOWS: tuple[type[Workflow], ...] = (Chain, Loop, Wide)
