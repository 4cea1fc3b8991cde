"""Workflows that several tests use, and the stage on which their bodies can be watched and held."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from squidie_core import Resource, StepContext, Workflow, sequence, step, trigger
from tests.runtime.waiting import PATIENCE


class Stage:
    """Where bodies say that they began, and where they wait until they may go on."""

    def __init__(self, *, opened: bool = False) -> None:
        self._lock = threading.Lock()
        self._calls: list[StepContext] = []
        self.went_on = 0
        self.opened = threading.Event()
        if opened:
            self.opened.set()

    def enter(self, ctx: StepContext) -> None:
        """Begin, and wait for the test."""
        self.begin(ctx)
        if not self.opened.wait(PATIENCE):
            raise TimeoutError("nobody opened the stage")
        with self._lock:
            self.went_on += 1

    def begin(self, ctx: StepContext) -> int:
        """Begin, without waiting; how many have begun."""
        with self._lock:
            self._calls.append(ctx)
            return len(self._calls)

    @property
    def calls(self) -> list[StepContext]:
        """The attempts that have begun, in order."""
        with self._lock:
            return list(self._calls)

    def steps(self) -> list[str]:
        """The names of the steps that have begun."""
        return [call.step for call in self.calls]


@dataclass
class Order:
    order_id: str
    amount: int = 1


def note(order_id: str) -> dict[str, Any]:
    return {"noted": order_id}


class OneStep(Workflow, name="one-step", version="1"):
    place = trigger.manual(Order)
    note = step(note)


def enter(ctx: StepContext, stage: Resource[Stage]) -> dict[str, Any]:
    stage.enter(ctx)
    return {"entered": ctx.runnable_key}


class Held(Workflow, name="held"):
    """One step, whose body waits until the test opens the stage."""

    begin = trigger.manual()
    enter = step(enter)


class HeldChain(Workflow, name="held-chain"):
    """Three of them in a row."""

    begin = trigger.manual()
    first = step(enter)
    second = step(enter)
    third = step(enter)
    transitions = sequence(first, second, third)


def begun(ctx: StepContext, stage: Resource[Stage]) -> dict[str, Any]:
    stage.begin(ctx)
    return {}


class Chain(Workflow, name="chain"):
    """Three steps that only tell that they began."""

    begin = trigger.manual()
    first = step(begun)
    second = step(begun)
    third = step(begun)
    transitions = sequence(first, second, third)


class Wide(Workflow, name="wide"):
    """Three steps side by side, held, and one that needs them all."""

    begin = trigger.manual()
    left = step(enter)
    middle = step(enter)
    right = step(enter)
    last = step(begun, after=[left, middle, right])


def on(stage: Stage) -> Mapping[type, object]:
    """The resources of a Squidie whose bodies play on this stage."""
    return {Stage: stage}
