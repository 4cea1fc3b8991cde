"""The workflows of these tests."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from squidie_core import Backoff, Resource, Retry, StepContext, Workflow, sequence, step, trigger


class Trail:
    """A file to which bodies of several processes add lines."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def note(self, line: str) -> None:
        """Add a line, whole."""
        file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        try:
            os.write(file, f"{line}\n".encode())
        finally:
            os.close(file)

    def lines(self) -> list[str]:
        """All lines so far."""
        return self._path.read_text().splitlines() if self._path.exists() else []


def note(ctx: StepContext, trail: Resource[Trail]) -> dict[str, Any]:
    trail.note(f"{ctx.run_id} {ctx.step}")
    return {}


def note_second_time(ctx: StepContext, trail: Resource[Trail]) -> dict[str, Any]:
    if ctx.attempt == 1:
        raise OSError("not yet")
    return note(ctx, trail)


class Chain(Workflow, name="chain"):
    begin = trigger.manual()
    first = step(note)
    second = step(note_second_time, retry=Retry(2, Backoff(min=0.05, max=0.05)))
    third = step(note)
    transitions = sequence(first, second, third)


ALL = (Chain,)
