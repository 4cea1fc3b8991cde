"""What is decided about an attempt that takes too long."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from squidie_core.decisions.timeout import LEASE_AFTER_TIMEOUT
from tests.core.runs import LEASE, Run, error, ok, plan_of, retry, step

LIMIT = 10_000


def climbing(**options: Any) -> Run:
    """A run whose step has been claimed and may take ten seconds."""
    run = Run(plan_of(step("climb", timeout=LIMIT, **options)))
    run.claim()
    return run


class TestTheLimit:
    def test_what_ends_in_time_counts(self) -> None:
        run = climbing().later(LIMIT - 1)
        assert run.complete("climb")
        assert run.status == "completed"

    @pytest.mark.parametrize("how", ["complete", "fail", "defer"])
    def test_what_ends_at_the_limit_has_failed(self, how: str) -> None:
        run = climbing().later(LIMIT)
        told: Callable[[], bool] = {
            "complete": lambda: run.complete("climb", {"top": True}),
            "fail": lambda: run.fail("climb"),
            "defer": lambda: run.defer("climb", 5),
        }[how]
        assert told()
        assert run.status == "failed"
        assert run.state.error is not None
        assert run.state.error["code"] == "step_timeout"
        assert "10 s" in run.state.error["message"]
        assert run.state.context == {}

    def test_it_counts_from_the_claim_that_is_held(self) -> None:
        run = climbing().later(LEASE)
        run.claim()
        run.later(LIMIT - 1)
        assert run.complete("climb")
        assert run.status == "completed"

    def test_it_is_a_failure_that_the_policy_retries(self) -> None:
        run = climbing(retry=retry(2, min=1_000, max=1_000, jitter=False)).later(LIMIT)
        assert run.complete("climb")
        again = run.runnable("climb")
        assert (again.attempt, again.visible_at) == (2, run.now + 1_000)
        run.later(1_000).does("climb")
        assert run.status == "completed"

    def test_it_takes_the_error_route(self) -> None:
        plan = plan_of(
            step("climb", timeout=LIMIT), step("mines"), transitions=[ok("climb", "mines"), error("climb", "mines")]
        )
        run = Run(plan)
        run.claim()
        run.later(LIMIT).complete("climb")
        assert run.open_steps() == ["mines"]


class TestHeartbeats:
    def test_they_do_not_outlive_it(self) -> None:
        run = climbing()
        over_at = run.now + LIMIT + LEASE_AFTER_TIMEOUT
        run.later(1_000)
        assert run.heartbeat("climb", lease_for=10 * LEASE) == set()
        assert run.runnable("climb").lease_until == over_at
        run.later(1_000)
        assert run.heartbeat("climb", lease_for=10 * LEASE) == set()
        assert run.last == [], "it is held as long as it may be"

    def test_others_are_renewed_as_ever(self) -> None:
        run = Run(plan_of(step("climb", timeout=LIMIT), step("rest")))
        run.claim()
        run.later(1_000)
        assert run.heartbeat("climb", "rest", lease_for=10 * LEASE) == set()
        assert run.runnable("rest").lease_until > run.runnable("climb").lease_until
