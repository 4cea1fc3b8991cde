"""Workflows that the runtime's acceptance runs, and the ledger in which their bodies tell what they did."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from squidie_core import Resource, StepContext, Workflow, end, sequence, step, trigger


class Ledger(Protocol):
    """Where bodies tell that they began."""

    def tell(self, ctx: StepContext) -> None:
        """Write down the attempt's runnable key."""
        ...


class Pages:
    """A ledger in this process. `meanwhile` is called within each body."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.begun: Counter[str] = Counter()
        self.meanwhile: Callable[[StepContext], None] = lambda _: None

    def tell(self, ctx: StepContext) -> None:
        """Count it."""
        with self._lock:
            self.begun[ctx.runnable_key] += 1
        self.meanwhile(ctx)


class Book:
    """A ledger in a file, for bodies in many processes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch()

    def tell(self, ctx: StepContext) -> None:
        """Write a line at once, so that none cuts into another's."""
        with self.path.open("ab", buffering=0) as file:
            os.write(file.fileno(), f"{ctx.runnable_key}\n".encode())

    def lines(self) -> list[str]:
        """What all processes told."""
        return self.path.read_text("utf-8").splitlines()


class LedgerOf:
    """What bodies ask for: the ledger that a process works with."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger


def begin(ctx: StepContext, at: Resource[LedgerOf]) -> dict[str, Any]:
    """Tell, and give what it told."""
    at.ledger.tell(ctx)
    return {"did": ctx.runnable_key}


def say(decision: str) -> dict[str, Any]:
    """Give what was decided."""
    return {"heard": decision}


class Errand(Workflow, name="contract-errand"):
    """Three steps, one after the other."""

    leave = trigger.manual()
    pack = step(begin, output="packed")
    cross = step(begin, output="crossed")
    toss = step(begin, output="tossed")
    transitions = sequence(pack, cross, toss)


class Fellowship(Workflow, name="contract-fellowship"):
    """Two steps side by side, and one that needs both."""

    leave = trigger.manual()
    march = step(begin, output="marched")
    sneak = step(begin, output="sneaked")
    declare = step(begin, output="declared", after=[march, sneak])


class Council(Workflow, name="contract-council"):
    """A step that waits for somebody's approval."""

    leave = trigger.manual()
    council = step.approval()
    agreed = step(say, output="agreed")
    refused = step(begin, output="refused")
    transitions = (council.ok.to(agreed), council.error.to(refused), agreed.ok.to(end), refused.ok.to(end))


ALL: tuple[type[Workflow], ...] = (Errand, Fellowship, Council)
