"""What a check found."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from host_app.application import WorkflowRuns
from host_app.scenarios import Scenario
from host_app.services import Services
from squidie_core import Snapshot

PATIENCE = 60
"""Seconds in which a run must come to its end."""


@dataclass
class Verdict:
    """What was compared, and what differed."""

    compared: int = 0
    wrong: list[str] = field(default_factory=list[str])

    def compare(self, what: str, expected: Any, found: Any) -> None:
        """Note whether both are the same."""
        self.compared += 1
        if expected != found:
            self.wrong.append(f"{what}: expected {expected!r}, found {found!r}")

    def __str__(self) -> str:
        said = [f"{self.compared} checks, {len(self.wrong)} failed", *self.wrong]
        return "\n".join(said)


def settle(
    runs: WorkflowRuns, scenario: Scenario | None, run: Snapshot, turn: Callable[[], Any] = lambda: time.sleep(0.02)
) -> Snapshot:
    """Wait for the run's end, deciding what it waits for; `turn` is called between two looks."""
    until = time.monotonic() + PATIENCE
    while not (found := runs.squidie.inspect_run(run)).terminal:
        if time.monotonic() > until:
            raise TimeoutError(f"{found!r} is still {found.reason}")
        if scenario is not None and found.status == "paused":
            scenario.decide(runs, found)
        turn()
    return found


def effects_of(services: Services, run: Snapshot) -> list[str]:
    """What the run did outside, sorted; its keys begin with its id."""
    return sorted(effect.kind for effect in services.effects() if effect.key.startswith(run.id))
