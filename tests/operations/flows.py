"""The workflows of these tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from squidie_core import Backoff, Resource, Retry, StepContext, Workflow, step, trigger
from tests.runtime.waiting import eventually


class Folder:
    """Where bodies of several processes meet."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)

    def mark(self, name: str) -> None:
        """Say that something has happened."""
        (self._path / name).touch()

    def wait_for(self, *names: str) -> None:
        """Return when all of it has happened."""
        eventually(lambda: all((self._path / name).exists() for name in names))


def nothing() -> dict[str, Any]:
    return {}


def hold(folder: Resource[Folder]) -> dict[str, Any]:
    folder.mark("held")
    folder.wait_for("released")
    return {}


def meet(ctx: StepContext, folder: Resource[Folder]) -> dict[str, Any]:
    """End when all three of them have begun, which takes three slots."""
    folder.mark(ctx.step)
    folder.wait_for("left", "middle", "right")
    return {}


def fail_once(ctx: StepContext) -> dict[str, Any]:
    if ctx.attempt == 1:
        raise OSError("not yet")
    return {}


class One(Workflow, name="one"):
    begin = trigger.manual()
    only = step(nothing)


class Two(Workflow, name="two"):
    begin = trigger.manual()
    first = step(nothing)
    second = step(nothing, after=[first])


class FirstOfTwo(Workflow, name="two"):
    """What a worker knows of `Two` that has only its first step, and holds it."""

    begin = trigger.manual()
    first = step(hold)


class SecondOfTwo(Workflow, name="two"):
    """What a worker knows of it that has only the second."""

    begin = trigger.manual()
    second = step(nothing)


class Meeting(Workflow, name="meeting"):
    """One step that is held, then three that need one another."""

    begin = trigger.manual()
    opening = step(hold)
    left = step(meet, after=[opening])
    middle = step(meet, after=[opening])
    right = step(meet, after=[opening])


class Retried(Workflow, name="retried"):
    begin = trigger.manual()
    only = step(fail_once, retry=Retry(3, Backoff(min=0.3, max=0.3)))


ALL = (One, Two, Meeting, Retried)
