"""What is explored: workflows, how their runs begin, and what people do about them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from host_app.application import WorkflowRuns
from host_app.scenarios import DAY, SCENARIOS, Scenario
from host_app.workflows import ALL
from squidie_core import Snapshot, Squidie, Workflow


def _nothing(_squidie: Squidie, _run: Snapshot) -> None:
    """Leave the run alone."""


@dataclass(frozen=True)
class Tale:
    """`begin` starts the run, or finds it; `act` is called while the run is not over and no worker has anything to do.

    Both may be called again after a crash, so they carry idempotency keys.
    """

    name: str
    begin: Callable[[Squidie], Snapshot]
    ends: str
    act: Callable[[Squidie, Snapshot], None] = _nothing
    workflows: Sequence[type[Workflow]] = ALL


def _tale(scenario: Scenario) -> Tale:
    def act(squidie: Squidie, run: Snapshot) -> None:
        if run.status == "paused":
            scenario.decide(WorkflowRuns(squidie), run)

    return Tale(
        name=scenario.name,
        begin=lambda squidie: scenario.start(WorkflowRuns(squidie), "the only one"),
        ends=scenario.ends,
        act=act,
    )


REFERENCE = (
    *map(_tale, SCENARIOS),
    Tale("digest-by-schedule", lambda squidie: WorkflowRuns(squidie).deliver_digest(DAY), "completed"),
)
"""The reference workflows of the host application, each on its ways."""
