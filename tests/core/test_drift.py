"""Failing a run whose definition is not today's."""

from __future__ import annotations

from squidie_core.decisions.drift import CODE, fail_drifted
from squidie_core.definition.plan import Plan
from tests.core.runs import LEASE, Run, error, ok, plan_of, step

walk, rest, back = step("walk"), step("rest", kind="wait", duration=1_000), step("back")
today: Plan = plan_of(step("run"))


def drift(run: Run, *, max_skew: int = 0) -> list[str]:
    run.decide(lambda draft: fail_drifted(draft, today, max_skew))
    return run.kinds()


class TestFailing:
    def test_ends_the_run_at_the_step_that_is_due_and_takes_no_route(self) -> None:
        run = Run(plan_of(walk, back, transitions=[ok("walk", "back"), error("walk", "back")]))
        assert drift(run) == ["attempt_failed", "run_terminal"]
        assert run.state.error is not None
        assert (run.status, run.state.error["code"], run.state.error["step"]) == ("failed", CODE, "walk")
        assert run.state.error["details"]["current_fingerprint"] == today.fingerprint
        assert run.state.anomalies == []
        assert drift(run) == []

    def test_leaves_alone_what_is_claimed_until_the_claim_lapses(self) -> None:
        run = Run(plan_of(walk))
        run.claim()
        assert drift(run.later(LEASE - 1)) == []
        assert drift(run.later(100_000), max_skew=1_000_000) == []
        assert drift(run) == ["attempt_failed", "run_terminal"]

    def test_leaves_alone_what_is_not_due(self) -> None:
        run = Run(plan_of(rest))
        assert drift(run.later(999)) == []
        assert drift(run.later(1)) == ["attempt_failed", "run_terminal"]

    def test_lets_a_rollback_go_on(self) -> None:
        run = Run(plan_of(step("ride", compensate="m.undo"), walk, transitions=[ok("ride", "walk")])).does("ride")
        run.claim()
        run.fail("walk")
        assert run.status == "running"
        assert drift(run) == []
