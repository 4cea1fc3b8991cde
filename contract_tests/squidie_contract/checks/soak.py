"""Processes without a schedule, some of which are killed: what no wire is around."""

from __future__ import annotations

from squidie_contract.checks.contract import StorageClauses
from squidie_contract.engine.soaking import problems, soak
from squidie_contract.engine.tally import TALLY
from squidie_contract.engine.worlds import Worlds


class SoakClauses(StorageClauses):
    """The deaths of processes: J15."""

    def test_j15_what_killed_processes_were_told_is_there(self, worlds: Worlds) -> None:
        profile = worlds.profile
        with worlds.example() as world:
            observer = world.storage(name="observer")
            crew = list(soak(world.harness.url, processes=profile.soak_processes, seconds=profile.soak))
            found = problems(observer, crew)
            TALLY.operations += sum(process.operations for process in crew)
            assert not found, "; ".join(map(str, found[:10]))
            assert all(process.operations for process in crew)
