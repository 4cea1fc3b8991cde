"""Operators who cancel, resume, approve and reject while workers and operators are killed and frozen."""

from __future__ import annotations

from random import Random

from tests.chaos.crew import Crew
from tests.chaos.judge import judge
from tests.chaos.options import OPTIONS
from tests.chaos.sidelog import SideLog
from tests.chaos.test_kills import torment
from tests.chaos.trial import Trial

SIGNALS = {"resume": "resume_run", "approve": "approve_run", "reject": "reject_run", "cancel": "cancel_run"}


class TestOperatorsAmongKills:
    def test_are_obeyed_once_for_each_thing_that_they_were_told_was_done(self, crew: Crew, chosen: Random) -> None:
        count = OPTIONS.share(4)
        crew.hire("start", "gated,chain,fan", count)
        crew.hire("work", copies=OPTIONS.workers)
        crew.hire("operate", chosen.random())
        crew.hire("operate", chosen.random())
        torment(crew, chosen, count)
        crew.dismiss()
        cancelled = {"cancelled"}
        trials = judge(
            crew.squidie, crew.log, count=count, ends={"gated": cancelled, "chain": cancelled, "fan": cancelled}
        )
        received = {receipt for trial in trials for receipt in receipts(trial)}
        asked, done = orders(crew.log, "acting"), orders(crew.log, "acted")
        assert done <= received <= asked
        assert {act for _, act, _ in received} == set(SIGNALS.values())
        for trial in trials:
            assert trial.terminal is not None
            cancels = [receipt.signal for receipt in trial.received if receipt.signal == "cancel_run"]
            assert len(cancels) == (trial.terminal.status == "cancelled")


def receipts(trial: Trial) -> set[tuple[str, str, str | None]]:
    """What operators did to the run, by the journal."""
    return {
        (trial.run_id, receipt.signal, receipt.idempotency_key)
        for receipt in trial.received
        if receipt.signal in SIGNALS.values()
    }


def orders(log: SideLog, what: str) -> set[tuple[str, str, str | None]]:
    """The same by their own word."""
    return {(fact["run"], SIGNALS[fact["act"]], fact["key"]) for fact in log.facts(what)}
