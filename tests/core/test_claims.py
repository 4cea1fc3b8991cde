"""Taking work, keeping it, giving it back, and losing it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squidie_core.decisions.claim import lease_end
from squidie_core.definition.model import END
from squidie_core.journal.entries import AttemptClaimed, AttemptFailed, AttemptHeartbeat
from squidie_core.state import RunnableState
from tests.core.journal_values import QUICK
from tests.core.runs import LEASE, NOW, RUN_ID, Run, error, ok, plan_of, retry, step

three = plan_of(step("a"), step("b"), step("c"))
one = plan_of(step("a"))


def lose(run: Run, times: int) -> None:
    """So many workers claim the step and never come back."""
    for _ in range(times):
        assert run.claim() == ["a"]
        run.now = run.runnable("a").lease_until


class TestClaiming:
    def test_takes_what_is_due_in_one_draft(self) -> None:
        run = Run(three)
        assert run.claim() == ["a", "b", "c"]
        until = lease_end(NOW, LEASE)
        assert run.last == [AttemptClaimed(NOW, f"{RUN_ID}:{name}:1", "c1", "w1", until) for name in ("a", "b", "c")]
        assert run.claim() == []
        assert run.last == []

    def test_spreads_the_leases_of_what_was_taken_over(self) -> None:
        ends: dict[float, int] = {}
        for spread in (0.0, 0.5, 1.0):
            run = Run(one)
            run.claim(spread=1.0)
            assert run.runnable("a").lease_until == lease_end(NOW, LEASE), "nobody had it before"
            lose(run.later(2 * LEASE), 3)
            run.claim(spread=spread)
            ends[spread] = run.runnable("a").lease_until - run.now
        assert ends[0.0] <= LEASE * 4 // 3 < ends[0.5] < ends[1.0] <= LEASE * (1 + 1 + 1 / 3)

    def test_takes_no_more_than_its_limit_and_the_earliest_first(self) -> None:
        run = Run(three)
        run.claim()
        run.defer("a", 30)
        run.defer("b", 20)
        run.defer("c", 10)
        assert run.later(100).claim(limit=2) == ["c", "b"]
        assert run.claim(limit=0) == []
        assert run.claim(limit=2) == ["a"]

    def test_takes_only_what_it_admits_and_asks_once_for_each(self) -> None:
        asked: list[str] = []

        def admit(runnable: RunnableState) -> bool:
            asked.append(runnable.step)
            return runnable.step != "b"

        run = Run(three)
        assert run.claim(admit=admit, limit=2) == ["a", "c"]
        assert asked == ["a", "b", "c"]
        assert run.claim() == ["b"]

    def test_does_not_ask_whom_it_could_not_take(self) -> None:
        def asked(_: RunnableState) -> bool:
            pytest.fail("asked")

        run = Run(three)
        assert run.claim(admit=asked, limit=0) == []

    def test_waits_for_the_time_of_the_runnable(self) -> None:
        run = Run(one)
        run.claim()
        run.defer("a", 1_000)
        assert run.later(999).claim() == []
        assert run.later(1).claim() == ["a"]

    def test_never_goes_back_in_time(self) -> None:
        run = Run(one)
        run.later(-10_000).claim()
        assert [entry.at for entry in run.last] == [NOW]

    @QUICK
    @given(now=st.integers(0, 2**45), lease_for=st.integers(1, 10**7))
    def test_gives_a_lease_of_at_least_what_was_asked_and_at_most_a_third_more(self, now: int, lease_for: int) -> None:
        length = lease_end(now, lease_for) - now
        assert lease_for <= length < lease_for + max(lease_for // 3, 1)
        assert lease_end(now, lease_for) % max(lease_for // 3, 1) == 0

    def test_moves_what_needs_no_body_whatever_the_limit(self) -> None:
        plan = plan_of(
            step("rest", kind="wait", duration=10),
            step("nap", kind="wait", duration=0),
            step("go"),
            transitions=[ok("rest", "nap"), ok("nap", "go")],
        )
        run = Run(plan).later(10)
        assert run.claim(limit=0) == []
        assert run.open_steps() == ["go"]
        assert run.claim() == ["go"]

    def test_claims_what_a_wait_leads_to_in_the_same_draft(self) -> None:
        plan = plan_of(step("rest", kind="wait", duration=10), step("go"), transitions=[ok("rest", "go")])
        assert Run(plan).later(10).claim() == ["go"]

    def test_of_a_run_that_is_over_takes_nothing(self) -> None:
        run = Run(three)
        run.cancel()
        assert run.claim() == []
        assert run.last == []


class TestTakingOver:
    def test_is_possible_from_the_end_of_the_lease_on(self) -> None:
        run = Run(one)
        run.claim()
        run.now = run.runnable("a").lease_until - 1
        assert run.claim() == []
        assert run.later(1).claim(owner_id="w2") == ["a"]
        runnable = run.runnable("a")
        assert (runnable.owner_id, runnable.claim_id, runnable.deliveries) == ("w2", "c3", 2)

    def test_waits_as_long_as_clocks_may_differ(self) -> None:
        run = Run(one)
        run.claim()
        run.now = run.runnable("a").lease_until + 1_999
        assert run.claim(max_skew=2_000) == []
        assert run.later(1).claim(max_skew=2_000) == ["a"]

    def test_makes_the_earlier_claim_worthless(self) -> None:
        run = Run(one)
        run.claim()
        key, old = run.claim_of("a")
        run.now = run.runnable("a").lease_until
        run.claim(owner_id="w2")
        new, run.claims[key] = run.claims[key], old
        assert run.heartbeat("a") == {key}
        assert not run.complete("a")
        assert not run.fail("a")
        assert not run.defer("a", 1)
        run.release("a")
        assert run.last == []
        run.claims[key] = new
        assert run.complete("a")
        assert run.status == "completed"

    def test_ends_after_the_deliveries_that_the_step_allows(self) -> None:
        run = Run(plan_of(step("a", max_deliveries=3)))
        lose(run, 3)
        assert run.claim() == []
        (failed, end) = run.last
        assert isinstance(failed, AttemptFailed)
        assert (failed.claim_id, failed.error["code"], failed.error["retryable"]) == (None, "max_deliveries", False)
        assert end.TYPE == "run_terminal"
        assert run.status == "failed"
        assert run.state.error is not None
        assert run.state.error["code"] == "max_deliveries"
        assert run.state.error["step"] == "a"

    def test_that_ends_takes_the_error_route(self) -> None:
        plan = plan_of(
            step("a", max_deliveries=1), step("mourn", takes=["error"]), transitions=[ok("a", END), error("a", "mourn")]
        )
        run = Run(plan)
        lose(run, 1)
        assert run.claim() == ["mourn"]
        assert run.runnable("mourn").input["error"]["code"] == "max_deliveries"

    def test_that_ends_is_no_failure_to_retry(self) -> None:
        run = Run(plan_of(step("a", max_deliveries=1, retry=retry(5))))
        lose(run, 1)
        run.claim()
        assert run.status == "failed"

    def test_starts_to_count_anew_with_each_attempt(self) -> None:
        run = Run(plan_of(step("a", max_deliveries=2, retry=retry(2))))
        lose(run, 1)
        run.claim()
        run.fail("a")
        lose(run, 1)
        assert run.claim() == ["a"]
        assert run.status == "running"

    def test_does_not_count_what_was_released(self) -> None:
        run = Run(plan_of(step("a", max_deliveries=1)))
        for _ in range(5):
            assert run.claim() == ["a"]
            run.release("a")
        assert run.claim() == ["a"]
        assert run.runnable("a").deliveries == 1

    def test_counts_what_was_run_and_given_back(self) -> None:
        run = Run(plan_of(step("a", max_deliveries=2)))
        for _ in range(2):
            assert run.claim() == ["a"]
            run.release("a", counts=True)
        assert run.claim() == []
        assert run.status == "failed"
        assert run.state.error is not None
        assert run.state.error["code"] == "max_deliveries"

    def test_may_happen_after_heartbeats_only(self) -> None:
        run = Run(one)
        run.claim()
        run.later(LEASE - 1)
        assert run.heartbeat("a") == set()
        assert run.later(LEASE - 1).claim() == []
        assert run.complete("a")


class TestHeartbeats:
    def test_are_one_entry_for_all_claims(self) -> None:
        run = Run(three)
        run.claim()
        assert run.later(5_000).heartbeat("a", "b", "c", lease_for=60_000) == set()
        (entry,) = run.last
        assert isinstance(entry, AttemptHeartbeat)
        assert entry.claims == {f"{RUN_ID}:{name}:1": "c1" for name in "abc"}
        assert entry.lease_until == lease_end(NOW + 5_000, 60_000)
        assert run.state.wake_at() == entry.lease_until

    def test_name_the_claims_that_were_lost_and_renew_the_others(self) -> None:
        run = Run(three)
        run.claim()
        run.complete("b")
        assert run.heartbeat("a", "b", "c") == {f"{RUN_ID}:b:1"}
        (entry,) = run.last
        assert isinstance(entry, AttemptHeartbeat)
        assert set(entry.claims) == {f"{RUN_ID}:a:1", f"{RUN_ID}:c:1"}

    def test_that_come_too_late_write_nothing(self) -> None:
        run = Run(one)
        run.claim()
        run.now = run.runnable("a").lease_until
        assert run.heartbeat("a") == {f"{RUN_ID}:a:1"}
        assert run.last == []

    def test_of_a_cancelled_run_write_nothing(self) -> None:
        run = Run(one)
        run.claim()
        run.cancel()
        assert run.heartbeat("a") == {f"{RUN_ID}:a:1"}
        assert run.last == []


class TestReleasing:
    def test_lets_others_take_the_runnable_at_once(self) -> None:
        run = Run(three)
        run.claim()
        run.release("b")
        assert run.kinds() == ["attempt_released"]
        assert run.claim(owner_id="w2") == ["b"]
        assert run.complete("a")

    def test_of_what_is_lost_writes_nothing(self) -> None:
        run = Run(three)
        run.claim()
        run.complete("b")
        run.release("b")
        assert run.last == []
        run.now = run.runnable("a").lease_until
        run.release("a")
        assert run.last == []
