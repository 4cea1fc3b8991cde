"""Processes killed or frozen at random moments: no run is lost or stuck, no result takes effect twice."""

from __future__ import annotations

from random import Random

from tests.chaos.crew import Crew
from tests.chaos.flows import LEASE, SHAPES
from tests.chaos.judge import judge
from tests.chaos.options import OPTIONS

BODIES = 100
"""At most so many begin between two kills."""


def torment(crew: Crew, chosen: Random, count: int) -> int:
    """Until all is over; how many were killed. One that was frozen for longer than its lease comes too late."""
    kills = 0
    while not crew.over(count):
        crew.wait_for_bodies(chosen.randrange(1, BODIES), lambda: crew.over(count))
        if chosen.randrange(4) == 0:
            crew.freeze(chosen, chosen.uniform(0.5, 2) * LEASE)
        else:
            crew.kill(chosen)
            kills += 1
    return kills


class TestWorkersThatAreKilledOrFrozen:
    def test_lose_no_run_leave_none_stuck_and_apply_no_result_twice(self, crew: Crew, chosen: Random) -> None:
        crew.hire("start", ",".join(SHAPES), OPTIONS.runs)
        crew.hire("work", copies=OPTIONS.workers)
        kills = torment(crew, chosen, OPTIONS.runs)
        crew.dismiss()
        assert kills >= OPTIONS.runs // BODIES
        judge(crew.squidie, crew.log, count=OPTIONS.runs)
