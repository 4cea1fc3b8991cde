"""Bodies that end their own process, among the runs of others, under a supervisor that starts another worker."""

from __future__ import annotations

from squidie_core.journal.entries import AttemptFailed
from squidie_core.runtime.slots import SUSPECT_DELIVERIES
from tests.chaos.crew import Crew
from tests.chaos.judge import judge
from tests.chaos.trial import Trial

COUNT = 40
WORKERS = 2
DELIVERIES = 5
"""After so many deliveries an attempt is given up, where its step says nothing else."""


class TestABodyThatKillsItsProcess:
    def test_is_given_up_after_its_deliveries_and_takes_no_neighbour_down(self, crew: Crew) -> None:
        crew.hire("start", ",".join(["neighbour"] * 9 + ["poison"]), COUNT)
        crew.hire("work", copies=WORKERS)
        crew.wait(lambda: crew.over(COUNT))
        crew.dismiss()
        trials = judge(crew.squidie, crew.log, count=COUNT, ends={"poison": {"failed"}})
        began = {(fact["key"], fact["claim"]) for fact in crew.log.facts("body")}
        poisoned = [trial for trial in trials if trial.started is not None and trial.started.workflow == "poison"]
        assert len(poisoned) == COUNT // 10
        for trial in poisoned:
            (key, work), *others = trial.works.items()
            assert not others
            assert len(work.claims) == DELIVERIES
            # Once it was under suspicion nobody was there to kill the process before its body did.
            assert all((key, claim) in began for claim in work.claims[SUSPECT_DELIVERIES:])
            assert isinstance(work.ended, AttemptFailed)
            assert code(trial) == work.ended.error["code"] == "max_deliveries"
        # What ran beside it was lost with it, but not once more after the attempt came under suspicion.
        assert most_deliveries(trials, but=poisoned) <= SUSPECT_DELIVERIES + 1


def code(trial: Trial) -> object:
    """Why the run failed."""
    assert trial.terminal is not None
    assert trial.terminal.error is not None
    return trial.terminal.error["code"]


def most_deliveries(trials: list[Trial], *, but: list[Trial]) -> int:
    """The most deliveries that an attempt of the others took."""
    return max(len(work.claims) for trial in trials if trial not in but for work in trial.works.values())
