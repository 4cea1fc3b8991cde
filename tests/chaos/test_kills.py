"""Processes killed at random moments: no run is lost or stuck, no result takes effect twice."""

from __future__ import annotations

from random import Random

from tests.chaos.crew import Crew
from tests.chaos.flows import SHAPES
from tests.chaos.judge import judge
from tests.chaos.options import OPTIONS

BODIES = 120
"""At most so many begin between two kills."""


def kill_until_over(crew: Crew, chosen: Random, count: int) -> int:
    """How many were killed."""
    kills = 0
    while not crew.over(count):
        crew.wait_for_bodies(chosen.randrange(1, BODIES), lambda: crew.over(count))
        crew.kill(chosen)
        kills += 1
    return kills


class TestWorkersThatAreKilled:
    def test_lose_no_run_leave_none_stuck_and_apply_no_result_twice(self, crew: Crew, chosen: Random) -> None:
        crew.hire("start", ",".join(SHAPES), OPTIONS.runs)
        crew.hire("work", copies=OPTIONS.workers)
        kills = kill_until_over(crew, chosen, OPTIONS.runs)
        crew.dismiss()
        assert kills >= OPTIONS.runs // BODIES
        judge(crew.squidie, crew.log, count=OPTIONS.runs)
