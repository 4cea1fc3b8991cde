"""When a step is late: what is planned, what is kept, what is told. Nothing of it changes what is executed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from squidie_core.definition.model import DeadlinePolicy
from squidie_core.definition.plan import Plan
from squidie_core.inspection.deadlines import deadline_view, evaluate, most_urgent
from squidie_core.journal.codec import encode_entries
from squidie_core.journal.entries import Deadline, ManualStepPaused
from tests.core.runs import LEASE, NOW, RUN_ID, Run, error, ok, plan_of, retry, step, visible

POLICY = DeadlinePolicy(within=1_000, due_soon=300, escalate_after=200, escalation="operator_action")


def due(started_at: int) -> Deadline:
    """What the policy makes of the moment."""
    return Deadline(
        started_at=started_at,
        due_at=started_at + 1_000,
        due_soon_at=started_at + 700,
        escalated_at=started_at + 1_200,
        escalation="operator_action",
    )


def one(**options: Any) -> Plan:
    return plan_of(step("a", deadline=POLICY, **options))


class TestStandingOfADeadline:
    @pytest.mark.parametrize(
        ("passed", "status"),
        [
            (-5, "on_time"),
            (699, "on_time"),
            (700, "due_soon"),
            (999, "due_soon"),
            (1_000, "overdue"),
            (1_199, "overdue"),
            (1_200, "escalated"),
            (10**9, "escalated"),
        ],
    )
    def test_each_time_counts_from_its_very_millisecond(self, passed: int, status: str) -> None:
        run = Run(one())
        view = deadline_view(run.runnable("a"), NOW + passed)
        assert view is not None
        assert (evaluate(due(NOW), NOW + passed), view.status) == (status, status)
        assert view.overdue is (status in ("overdue", "escalated"))
        assert view.to_dict()["remaining_ms"] == 1_000 - passed

    def test_without_the_other_times_it_is_on_time_or_overdue(self) -> None:
        plain = Deadline(started_at=NOW, due_at=NOW + 5)
        assert [evaluate(plain, NOW + passed) for passed in (4, 5, 10**9)] == ["on_time", "overdue", "overdue"]

    def test_escalating_at_once_leaves_no_moment_for_overdue(self) -> None:
        assert evaluate(replace(due(NOW), escalated_at=NOW + 1_000), NOW + 1_000) == "escalated"


class TestPlannedDeadlines:
    def test_count_from_when_the_step_may_begin(self) -> None:
        assert Run(one(), delay=60_000).runnable("a").deadline == due(NOW + 60_000)

    def test_are_fresh_for_a_retry_from_its_own_moment(self) -> None:
        run = Run(one(retry=retry(2)))
        run.claim()
        run.later(400).fail("a", retry_after=50)
        assert run.runnable(f"{RUN_ID}:a:1").deadline == due(NOW)
        assert run.runnable("a").deadline == due(NOW + 450)

    def test_are_kept_by_deferrals_and_by_takers_over(self) -> None:
        run = Run(one(retry=retry(2)))
        for _ in range(2):
            run.later(LEASE).claim()
            run.later(LEASE).claim()  # the lease is over: another worker takes it
            run.defer("a", 10)
            run.later(10)
        assert run.runnable("a").deadline == due(NOW)
        run.claim()
        run.fail("a", retry_after=0)
        assert run.runnable("a").deadline == due(run.now)

    def test_are_fresh_for_each_visit(self) -> None:
        step_a = step("a", deadline=POLICY)
        run = Run(plan_of(step_a, transitions=[ok("a", "a", max_visits=1)])).later(9).does("a")
        assert run.runnable("a").deadline == due(NOW + 9)

    def test_of_gates_count_from_when_the_gate_opened(self) -> None:
        plan = plan_of(step("hide", kind="pause", deadline=POLICY))
        assert Run(plan).runnable("hide").deadline == due(NOW)
        late = Run(plan, delay=100)
        assert late.runnable("hide").deadline is None
        assert most_urgent(late.state, late.now) is None
        late.later(5_000).claim()
        assert late.last == [ManualStepPaused(NOW + 5_000, f"{RUN_ID}:hide:1", "hide", "pause", due(NOW + 5_000))]
        assert late.runnable("hide").deadline == due(NOW + 5_000)
        assert visible(late.refolded()) == visible(late.state)

    def test_where_there_are_none_take_no_room(self) -> None:
        run = Run(plan_of(step("a"), step("hide", kind="pause"), transitions=[ok("a", "hide")])).does("a")
        assert run.status == "paused"
        assert "deadline" not in encode_entries(run.entries)

    def test_change_nothing_else(self) -> None:
        def played(policy: DeadlinePolicy | None) -> Run:
            plan = plan_of(
                step("a", deadline=policy, retry=retry(2)),
                step("council", kind="approval", deadline=policy),
                step("b", deadline=policy),
                transitions=[ok("a", "council"), ok("council", "b"), error("council", "b")],
            )
            run = Run(plan)
            run.claim()
            run.later(5_000).fail("a")
            run.later(5_000).does("a")
            run.later(5_000).manual("reject_run")
            assert run.claim() == ["b"]
            return run

        with_one, without = played(POLICY), played(None)
        assert [entry.TYPE for entry in with_one.entries] == [entry.TYPE for entry in without.entries]
        for key, runnable in with_one.state.runnables.items():
            assert replace(runnable, deadline=None) == without.state.runnables[key]
        assert with_one.state.wake_at() == without.state.wake_at()


class TestTheMostUrgent:
    wide = plan_of(
        step("slack", deadline=DeadlinePolicy(within=5_000)),
        step("soon", deadline=DeadlinePolicy(within=2_000, due_soon=1_900)),
        step("late", deadline=DeadlinePolicy(within=1_000)),
        step("later", deadline=DeadlinePolicy(within=1_001)),
        step("bad", deadline=DeadlinePolicy(within=1_100, escalate_after=0)),
        step("free"),
    )

    def test_is_the_worst_and_of_those_alike_the_one_due_first(self) -> None:
        run = Run(self.wide)
        run.claim()
        seen: list[tuple[str, str]] = []
        for passed in (50, 150, 850, 200):
            view = most_urgent(run.state, run.later(passed).now)
            assert view is not None
            seen.append((view.step, view.status))
        assert seen == [("late", "on_time"), ("soon", "due_soon"), ("late", "overdue"), ("bad", "escalated")]

    def test_looks_only_at_what_is_not_over(self) -> None:
        run = Run(self.wide)
        run.claim()
        run.later(2_000)
        for name in ("bad", "late", "soon", "later"):
            run.complete(name)
        view = most_urgent(run.state, run.now)
        assert view is not None
        assert (view.step, view.status) == ("slack", "on_time")
        run.complete("slack")
        assert most_urgent(run.state, run.now) is None

    def test_is_none_once_the_run_is_over(self) -> None:
        run = Run(self.wide)
        run.claim()
        run.cancel()
        assert most_urgent(run.state, run.later(10**6).now) is None
