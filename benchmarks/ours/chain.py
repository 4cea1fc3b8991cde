"""The workflow that is compared: three steps that do next to nothing."""

from __future__ import annotations

from typing import Any

from squidie_core import Workflow, sequence, step, trigger


def first(number: int) -> dict[str, Any]:
    """Step one."""
    return {"n": number, "s": "one"}


def second(n: int) -> dict[str, Any]:
    """Step two."""
    return {"n": n + 1, "s": "two"}


def third(n: int) -> dict[str, Any]:
    """Step three."""
    return {"n": n + 1, "s": "three"}


class Chain(Workflow, name="chain", version="1"):
    """Three trivial steps, one after the other."""

    go = trigger.manual(number=int)

    one = step(first)
    two = step(second)
    three = step(third)

    transitions = sequence(one, two, three)
