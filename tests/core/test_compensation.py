"""What is decided about a run that is undone."""

from __future__ import annotations

from typing import Any

import pytest

from squidie_core.decisions import ManualCommand
from squidie_core.errors import InvalidTransitionError
from squidie_core.journal.entries import CompensationStarted, RunTerminal
from squidie_core.state import index_row
from tests.core.runs import LEASE, RUN_ID, Run, error, ok, plan_of, retry, step, when

UNDO: dict[str, Any] = {"compensate": "m.undo"}


def side_by_side(**options: Any) -> Run:
    """Two steps beside each other, and one after them, all of which may be undone."""
    after = ("left", "right")
    plan = plan_of(step("left", **UNDO), step("right", **UNDO), step("last", after=after, **UNDO, **options))
    return Run(plan)


def undone(run: Run) -> list[str]:
    """The steps that are called back, one after the other, until the run is over."""
    found: list[str] = []
    while not run.state.terminal:
        (name,) = run.claim()
        found.append(name)
        assert run.complete(name)
    return found


class TestTheOrder:
    def test_is_that_of_the_ends(self) -> None:
        run = side_by_side()
        run.claim()
        run.complete("right")
        run.complete("left")
        run.claim()
        run.fail("last")
        assert run.state.rollback is not None
        assert run.state.rollback.order == (f"{RUN_ID}:left:1", f"{RUN_ID}:right:1")
        assert undone(run) == ["left", "right"]
        assert run.status == "failed"

    def test_has_a_deferred_step_once(self) -> None:
        run = side_by_side()
        run.claim()
        run.complete("right")
        run.defer("left", 0)
        run.claim()
        run.complete("left")
        run.claim()
        run.fail("last")
        assert undone(run) == ["left", "right"]

    def test_has_a_visit_that_was_applied_and_not_one_that_was_routed(self) -> None:
        plan = plan_of(
            step("act", **UNDO),
            transitions=[
                ok("act", "act", condition=when("n", "equals", 1), max_visits=5),
                error("act", "act", condition=when("error.code", "equals", "step_exception"), max_visits=1),
            ],
        )
        run = Run(plan)
        run.claim()
        run.fail("act")
        run.does("act", {"n": 1})
        run.claim()
        run.fail("act", {"code": "other"})
        assert run.state.rollback is not None
        assert run.state.rollback.order == (f"{RUN_ID}:act#2:1",)


class TestARollback:
    def test_waits_for_the_callbacks_code(self) -> None:
        run = side_by_side()
        run.does("left").does("right")
        run.claim()
        run.fail("last")
        assert index_row(run.state).needs == ("ring-errand:compensate:right",)
        assert (run.state.status, run.state.wake_at()) == ("running", run.now)

    def test_starts_in_the_commit_of_the_failure(self) -> None:
        run = side_by_side()
        run.does("left").does("right")
        run.claim()
        run.fail("last")
        assert run.kinds() == ["attempt_failed", "compensation_started", "runnables_planned"]
        started = run.last[1]
        assert isinstance(started, CompensationStarted)
        assert (started.status, started.steps) == ("failed", ("left", "right"))
        assert started.error == run.state.error

    def test_goes_on_when_a_callback_fails_and_ends_with_the_first_failure(self) -> None:
        run = side_by_side(compensate_retry=None)
        run.does("left").does("right")
        run.claim()
        run.fail("last", {"code": "first"})
        run.claim()
        assert run.fail("right", {"code": "second"})
        assert undone(run) == ["left"]
        assert run.state.error is not None
        assert run.state.error["code"] == "first"

    def test_retries_a_callback_under_its_own_policy(self) -> None:
        plan = plan_of(
            step("act", **UNDO, compensate_retry=retry(2, min=1_000, max=1_000, jitter=False)),
            step("last", retry=retry(9)),
            transitions=[ok("act", "last")],
        )
        run = Run(plan)
        run.does("act", {"seat": 4})
        run.claim()
        run.fail("last", {"code": "x", "retryable": False})
        run.claim()
        run.fail("act")
        again = run.runnable("act")
        assert (again.key, again.kind, again.attempt) == (f"{RUN_ID}:compensate:act:2", "compensation", 2)
        assert (again.visible_at, again.idempotency_key) == (run.now + 1_000, f"{RUN_ID}:compensate:act:1")
        assert again.input == {"seat": 4}
        run.later(1_000).claim()
        run.fail("act")
        assert run.status == "failed"

    def test_gives_a_callback_up_that_no_worker_survives(self) -> None:
        plan = plan_of(step("act", **UNDO, max_deliveries=2), step("last"), transitions=[ok("act", "last")])
        run = Run(plan)
        run.does("act")
        run.claim()
        run.fail("last")
        for _ in range(2):
            assert run.claim() == ["act"]
            run.later(2 * LEASE)
        assert run.claim() == []
        assert run.status == "failed"
        assert run.runnable("act").error == run.state.runnables[f"{RUN_ID}:compensate:act:1"].error

    def test_closes_what_is_open(self) -> None:
        run = side_by_side()
        run.claim()
        run.complete("left")
        run.fail("right")
        assert [runnable.kind for runnable in run.state.open.values()] == ["compensation"]
        run = side_by_side()
        run.claim()
        run.complete("left")
        held = run.claim_of("right")
        run.cancel(compensate=True)
        assert run.state.runnables[held[0]].status == "cancelled"
        assert not run.complete("right"), "what it gives is dropped"
        assert run.heartbeat("right") == {held[0]}


class TestCancelling:
    def test_a_run_that_is_undone_is_refused_or_ends(self) -> None:
        run = side_by_side()
        run.does("left").does("right")
        run.claim()
        run.fail("last")
        with pytest.raises(InvalidTransitionError):
            run.cancel()
        run.cancel(compensate=False)
        ended = run.last[-1]
        assert isinstance(ended, RunTerminal)
        assert (ended.status, ended.error) == ("cancelled", run.state.error)

    def test_is_said_once_for_its_key(self) -> None:
        run = side_by_side()
        run.does("left")
        command = ManualCommand(idempotency_key="k")
        run.cancel(command, compensate=True)
        run.cancel(command, compensate=True)
        assert run.last == []
