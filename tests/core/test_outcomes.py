"""What follows when a body is over."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squidie_core.decisions.outcome import backoff
from squidie_core.definition.model import END, RetryPolicy
from squidie_core.journal.entries import (
    AttemptCompleted,
    AttemptFailed,
    Runnable,
    RunnableApplied,
    RunnablesPlanned,
    RunTerminal,
)
from tests.core.journal_values import THOROUGH
from tests.core.runs import NOW, RUN_ID, Run, error, failure, ok, plan_of, retry, step

one = plan_of(step("a"))
retried = plan_of(step("a", takes=["bearer"], retry=retry(3, min=1_000, max=1_500, jitter=False)))
policies = st.builds(
    RetryPolicy,
    max_attempts=st.integers(1, 10),
    min=st.integers(0, 10**7),
    max=st.integers(0, 10**9),
    factor=st.floats(1, 1e6),
    jitter=st.booleans(),
)


class TestCompleting:
    def test_the_last_step_ends_the_run(self) -> None:
        run = Run(one)
        run.claim()
        assert run.later(7).complete("a", {"x": 1})
        assert run.last == [
            AttemptCompleted(NOW + 7, f"{RUN_ID}:a:1", "c1", {"x": 1}),
            RunnableApplied(NOW + 7, f"{RUN_ID}:a:1"),
            RunTerminal(NOW + 7, "completed"),
        ]
        assert run.state.context == {"x": 1}

    def test_twice_writes_nothing_the_second_time(self) -> None:
        run = Run(plan_of(step("a"), step("b")))
        run.claim()
        assert run.complete("a", {"x": 1})
        assert not run.complete("a", {"x": 1})
        assert not run.fail("a")
        assert not run.defer("a", 1)
        assert run.last == []

    def test_what_was_never_claimed_writes_nothing(self) -> None:
        run = Run(one)
        assert not run.complete("a")
        assert run.last == []

    def test_after_the_end_of_the_lease_writes_nothing(self) -> None:
        run = Run(one)
        run.claim()
        run.now = run.runnable("a").lease_until
        assert not run.complete("a")
        assert not run.fail("a")
        assert not run.defer("a", 1)
        assert run.last == []
        assert run.claim() == ["a"]

    def test_after_a_cancellation_writes_nothing(self) -> None:
        run = Run(one)
        run.claim()
        run.cancel()
        assert not run.complete("a", {"x": 1})
        assert not run.fail("a")
        assert run.last == []
        assert run.state.context == {}

    def test_adds_to_the_context_in_the_order_of_application(self) -> None:
        run = Run(plan_of(step("a"), step("b")), {"x": 0, "kept": True})
        run.claim()
        run.complete("b", {"x": "b", "y": "b"})
        run.complete("a", {"x": "a"})
        assert run.state.context == {"x": "a", "y": "b", "kept": True}
        assert run.state.input == {"x": 0, "kept": True}


class TestFailing:
    def test_without_a_policy_ends_the_run(self) -> None:
        run = Run(one)
        run.claim()
        assert run.fail("a", failure("lost", details={"n": 1}))
        key = f"{RUN_ID}:a:1"
        why = failure("lost", details={"n": 1})
        assert run.last == [
            AttemptFailed(NOW, key, "c1", why),
            RunTerminal(NOW, "failed", {**why, "step": "a", "runnable_key": key}),
        ]

    def test_with_a_policy_plans_the_next_attempt(self) -> None:
        run = Run(retried, {"bearer": "frodo"})
        run.claim()
        run.later(50).fail("a")
        key, again = f"{RUN_ID}:a:1", f"{RUN_ID}:a:2"
        assert run.last == [
            AttemptFailed(NOW + 50, key, "c1", failure(), retry_key=again),
            RunnablesPlanned(
                NOW + 50,
                (Runnable(again, "a", NOW + 1_050, attempt=2, idempotency_key=key, previous=key),),
            ),
        ]
        assert run.runnable("a").input == {"bearer": "frodo"}
        assert run.later(999).claim() == []
        assert run.later(1).claim() == ["a"]

    def test_keeps_the_idempotency_key_and_the_input_through_all_attempts(self) -> None:
        run = Run(retried, {"bearer": "frodo"})
        for _ in range(2):
            run.claim()
            run.fail("a")
            run.later(2_000)
        assert run.runnable("a").attempt == 3
        assert run.runnable("a").idempotency_key == f"{RUN_ID}:a:1"
        assert run.runnable("a").input == {"bearer": "frodo"}
        assert run.runnable("a").kind == "run"

    def test_in_the_last_attempt_ends_the_run(self) -> None:
        run = Run(retried, {"bearer": "frodo"})
        for number in range(3):
            assert run.status == "running"
            run.claim()
            run.fail("a", failure(str(number)))
            run.later(2_000)
        assert run.status == "failed"
        assert run.state.error == {**failure("2"), "step": "a", "runnable_key": f"{RUN_ID}:a:3"}

    def test_for_good_is_not_retried(self) -> None:
        run = Run(retried, {"bearer": "frodo"})
        run.claim()
        run.fail("a", failure(retryable=False))
        assert run.status == "failed"

    @pytest.mark.parametrize("after", [0, 7, 99_999])
    def test_with_a_time_of_its_own_takes_that_in_place_of_the_policys(self, after: int) -> None:
        run = Run(retried, {"bearer": "frodo"})
        run.claim()
        run.fail("a", retry_after=after)
        assert run.runnable("a").visible_at == NOW + after

    def test_with_a_time_of_its_own_makes_no_retry_where_the_policy_makes_none(self) -> None:
        run = Run(one)
        run.claim()
        run.fail("a", retry_after=5)
        assert run.status == "failed"
        run = Run(plan_of(step("a", retry=retry(1))))
        run.claim()
        run.fail("a", retry_after=5)
        assert run.status == "failed"

    def test_retries_before_it_takes_the_error_route(self) -> None:
        run = Run(
            plan_of(step("a", retry=retry(2)), step("mourn"), transitions=[ok("a", END), error("a", "mourn")]),
        )
        run.claim()
        run.fail("a")
        assert run.open_steps() == ["a"]
        run.claim()
        run.fail("a")
        assert run.open_steps() == ["mourn"]


class TestDeferring:
    def test_plans_the_same_attempt_later(self) -> None:
        run = Run(retried, {"bearer": "frodo"})
        run.claim()
        assert run.later(5).defer("a", 700, {"message": "the gate is shut"})
        key = f"{RUN_ID}:a:1"
        at = NOW + 5
        assert run.last == [
            AttemptCompleted(at, key, "c1", {}),
            RunnableApplied(at, key, deferred={"message": "the gate is shut"}),
            RunnablesPlanned(at, (Runnable(f"{key}:deferred", "a", at + 700, idempotency_key=key, previous=key),)),
        ]
        assert run.runnable("a").input == {"bearer": "frodo"}
        assert run.later(699).claim() == []
        assert run.later(1).claim() == ["a"]

    def test_again_and_again_leaves_the_retries_alone(self) -> None:
        run = Run(retried, {"bearer": "frodo"})
        for _ in range(4):
            run.claim()
            run.defer("a", 0)
        assert run.runnable("a").key == f"{RUN_ID}:a:1:deferred#4"
        assert run.runnable("a").attempt == 1
        run.claim()
        run.fail("a")
        assert run.runnable("a").key == f"{RUN_ID}:a:2"
        assert run.runnable("a").input == {"bearer": "frodo"}
        assert run.runnable("a").idempotency_key == f"{RUN_ID}:a:1"

    @pytest.mark.parametrize("reason", ["later", {}, None])
    def test_does_not_let_others_go_on_as_if_the_step_were_done(self, reason: object) -> None:
        run = Run(plan_of(step("a"), step("b"), step("join", after=("a", "b"))))
        run.claim()
        run.defer("a", 100, reason)
        run.complete("b")
        assert run.open_steps() == ["a"]
        run.later(100).claim()
        run.complete("a")
        assert run.open_steps() == ["join"]


class TestBackoff:
    @pytest.mark.parametrize(
        ("attempt", "delay"), [(1, 1_000), (2, 3_000), (3, 9_000), (4, 20_000), (5, 20_000), (10_000, 20_000)]
    )
    def test_grows_by_the_factor_up_to_the_maximum(self, attempt: int, delay: int) -> None:
        policy = retry(9, min=1_000, max=20_000, factor=3.0, jitter=False)
        assert backoff(policy, attempt, "k") == delay

    def test_is_nothing_where_the_policy_says_nothing(self) -> None:
        assert backoff(retry(3), 1, "k") == 0

    @given(policy=policies, attempt=st.integers(1, 2_000), key=st.text("abc:1", max_size=8))
    @THOROUGH
    def test_loses_at_most_half_to_jitter_and_is_always_the_same(
        self, policy: RetryPolicy, attempt: int, key: str
    ) -> None:
        whole = retry(9, min=policy.min, max=policy.max, factor=policy.factor, jitter=False)
        most = backoff(whole, attempt, key)
        found = backoff(policy, attempt, key)
        assert found == backoff(policy, attempt, key)
        assert 0 <= most <= policy.max
        assert most // 2 <= found <= most
        if not policy.jitter:
            assert found == most

    def test_is_spread_by_jitter(self) -> None:
        policy = retry(9, min=1_000_000, max=1_000_000)
        found = [backoff(policy, 1, f"run-{number}:a:1") for number in range(200)]
        assert len(set(found)) > 190
        assert min(found) < 550_000
        assert max(found) > 950_000
