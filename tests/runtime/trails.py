"""Workflows whose bodies leave a trail in a file, for runs that are executed by other processes."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from squidie_core import FailStep, Resource, StepContext, Workflow, sequence, step, trigger


class Trail:
    """Lines that bodies write, each at once, whichever process they run in."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.path.touch()

    def write(self, line: str) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")

    def lines(self) -> list[str]:
        return self.path.read_text("utf-8").splitlines()

    def begin(self, ctx: StepContext) -> int:
        """Tell that the attempt begins; how often it has begun by now."""
        self.write(ctx.runnable_key)
        return self.lines().count(ctx.runnable_key)


def tell(ctx: StepContext, trail: Resource[Trail]) -> dict[str, Any]:
    trail.begin(ctx)
    return {}


def get_stuck(ctx: StepContext, trail: Resource[Trail]) -> dict[str, Any]:
    """Return only at the second try; the first stays until its process ends."""
    if trail.begin(ctx) == 1:
        time.sleep(3600)
    return {"got_through": os.getpid()}


def wait_for_word(ctx: StepContext, trail: Resource[Trail]) -> dict[str, Any]:
    """Wait until somebody writes `go`."""
    trail.begin(ctx)
    while "go" not in trail.lines():
        time.sleep(0.005)
    return {"waited": True}


class Perilous(Workflow, name="perilous"):
    begin = trigger.manual()
    before = step(tell)
    inside = step(get_stuck, output="inside")
    after = step(tell)
    transitions = sequence(before, inside, after)


class Single(Workflow, name="single"):
    begin = trigger.manual()
    only = step(tell)


def beget(ctx: StepContext, trail: Resource[Trail]) -> dict[str, Any]:
    """Start a run, and end the process the first time."""
    child = ctx.start_child(Single.begin, child_key="only")
    if trail.begin(ctx) == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return {"child": child.id, "is_new": child.is_new}


class Begetting(Workflow, name="begetting"):
    begin = trigger.manual()
    beget = step(beget, await_children=True)
    after = step(tell)
    transitions = sequence(beget, after)


class Patient(Workflow, name="patient"):
    begin = trigger.manual()
    wait = step(wait_for_word)
    after = step(tell)
    transitions = sequence(wait, after)


def undo(ctx: StepContext, trail: Resource[Trail]) -> None:
    trail.begin(ctx)


def undo_stuck(ctx: StepContext, trail: Resource[Trail]) -> None:
    """Return only at the second try; the first stays until its process ends."""
    if trail.begin(ctx) == 1:
        time.sleep(3600)


def fail(ctx: StepContext, trail: Resource[Trail]) -> None:
    trail.begin(ctx)
    raise FailStep("no way through")


class Retreat(Workflow, name="retreat"):
    begin = trigger.manual()
    first = step(tell, compensate=undo)
    second = step(tell, compensate=undo_stuck)
    third = step(tell, compensate=undo)
    last = step(fail)
    transitions = sequence(first, second, third, last)


ALL: tuple[type[Workflow], ...] = (Perilous, Single, Patient, Begetting, Retreat)


def along(trail: Trail) -> Mapping[type, object]:
    """The resources of a Squidie whose bodies leave this trail."""
    return {Trail: trail}
