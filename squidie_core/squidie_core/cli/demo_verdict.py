"""Whether the demo's run went as it should: read from its journal and from what the bodies wrote."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from typing import TypeAlias

from squidie_core.cli.demo_stage import Stage, attempt
from squidie_core.inspection import Snapshot
from squidie_core.inspection.times import moment, text

Verdict: TypeAlias = Sequence[tuple[str, bool]]
"""What should be so, and whether it is."""

_STEPS = ("pack", "choose", "cross", "eagle", "toss")


def judge(stage: Stage, final: Snapshot, victim: str) -> Verdict:
    """The checks, when the run is over and the workers are stopped."""
    cross = attempt(final, "cross")
    begun = stage.begun()
    ended = stage.workers.ended()
    return [
        ("the run completed", final.status == "completed"),
        ("the journal has no anomalies", not final.anomalies),
        ("the other worker completed cross", cross is not None and cross.owner_id not in (victim, None)),
        ("cross was delivered twice, within its first attempt", cross is not None and _once_more(final)),
        ("it was taken over only after its lease had lapsed", _after_the_lease(final, victim)),
        ("every other body ran exactly once", begun == {step: 2 if step == "cross" else 1 for step in _STEPS}),
        ("the dead worker died by SIGKILL", ended.get(victim) == -signal.SIGKILL),
        ("the other one stopped when it was asked to", [c for n, c in ended.items() if n != victim] == [0]),
    ]


def _once_more(final: Snapshot) -> bool:
    return [(view.attempt, view.deliveries) for view in final.attempts if view.step == "cross"] == [(1, 2)]


def _after_the_lease(final: Snapshot, victim: str) -> bool:
    """Whether nobody else claimed cross before the end of the victim's last lease, in the journal's own times."""
    until: str | None = None
    for fact in final.history or ():
        held = fact["type"] == "attempt_claimed" and fact["runnable_key"] == f"{final.id}:cross:1"
        if held and fact["owner_id"] != victim:
            return until is not None and until <= str(fact["at"])
        if held or (until is not None and fact["type"] == "attempt_heartbeat"):
            until = text(moment(fact["lease_until"]))
    return False
