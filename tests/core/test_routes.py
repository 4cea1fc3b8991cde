"""Where a run goes from a step: conditions, fallbacks, loops, error routes, the end."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest

from squidie_core.decisions.context import matches
from squidie_core.definition.model import END, Operator, StepDefinition, Transition
from squidie_core.journal.entries import AttemptCompleted, Decision, RunnableApplied, RunTerminal
from squidie_core.journal.values import encode
from tests.core.runs import NOW, RUN_ID, Run, error, failure, ok, plan_of, retry, step, visible, when

MISSING = object()
NAIVE = datetime(2027, 1, 15)  # noqa: DTZ001  # bodies return such times too


def holds(actual: object, operator: Operator, expected: object) -> bool:
    """Whether a value in the context satisfies the comparison, both given as users write them."""
    context = {} if actual is MISSING else {"route": {"decision": encode(actual, "it")}}
    return matches(when("route.decision", operator, encode(expected, "it")), (context,))


def after(*transitions: Transition, payload: dict[str, Any] | None = None, result: dict[str, Any] | None = None) -> Run:
    """A run whose step `a` has completed."""
    names = dict.fromkeys([t.source for t in transitions] + [t.target for t in transitions if t.target != END])
    return Run(plan_of(*map(step, names), transitions=transitions), payload).does("a", result)


class TestEquals:
    @pytest.mark.parametrize(
        ("actual", "expected"),
        [
            ("auto", "auto"),
            ("", ""),
            (1, 1),
            (1, 1.0),
            (True, True),
            (None, None),
            ([1, {"a": None}], [1, {"a": None}]),
            ({"b": 1, "a": 2}, {"a": 2, "b": 1}),
            (Decimal("1.10"), Decimal("1.1")),
            (Decimal(1), 1),
            (2.5, Decimal("2.5")),
            (date(2027, 1, 15), date(2027, 1, 15)),
            (datetime(2027, 1, 15, 8, tzinfo=UTC), datetime.fromisoformat("2027-01-15T09:00:00+01:00")),
            (timedelta(seconds=60), timedelta(minutes=1)),
            ({"$squidie": "x"}, {"$squidie": "x"}),
            (2**4000, 2**4000),
            ({"a": [1, {"b": Decimal("2.0")}]}, {"a": [1.0, {"b": 2}]}),
        ],
    )
    def test_holds_for_what_is_the_same(self, actual: object, expected: object) -> None:
        assert holds(actual, "equals", expected)

    @pytest.mark.parametrize(
        ("actual", "expected"),
        [
            ("auto", "manual"),
            ("1", 1),
            (True, 1),
            (1, True),
            (0, False),
            (False, None),
            (None, 0),
            (MISSING, None),
            (MISSING, "auto"),
            ([1], [1, 2]),
            ("2027-01-15", date(2027, 1, 15)),
            (datetime(2027, 1, 15, tzinfo=UTC), NAIVE),
            (NAIVE, date(2027, 1, 15)),
            (Decimal("NaN"), Decimal("NaN")),
            (Decimal("sNaN"), 1),
            ([Decimal("sNaN")], [Decimal("sNaN")]),
            ([True], [1]),
            ({"a": [{"b": 0}]}, {"a": [{"b": False}]}),
            ({"a": 1}, {"b": 1}),
            ({"a": 1}, {"a": 1, "b": 2}),
            ([], {}),
            ({"$squidie": True}, {"$squidie": 1}),
        ],
    )
    def test_does_not_hold_for_what_is_not(self, actual: object, expected: object) -> None:
        assert not holds(actual, "equals", expected)


class TestOrder:
    @pytest.mark.parametrize(
        ("small", "large"),
        [
            (1, 2),
            (1, 1.5),
            (-1, 0.0),
            (Decimal("1.1"), Decimal("1.2")),
            (1, Decimal("1.5")),
            (Decimal("0.5"), 0.75),
            (10**300, 10**301),
            (1.5, 10**1000),
            (1, Decimal("Infinity")),
            (date(2027, 1, 15), date(2027, 1, 16)),
            (time(8), time(9)),
            (timedelta(seconds=1), timedelta(minutes=1)),
            (datetime(2027, 1, 15, 8, 30, tzinfo=UTC), datetime.fromisoformat("2027-01-15T09:31:00+01:00")),
            (NAIVE, NAIVE + timedelta(days=1)),
        ],
    )
    def test_holds_one_way_and_not_for_equals(self, small: object, large: object) -> None:
        assert holds(large, "greater_than", small)
        assert holds(small, "less_than", large)
        assert not holds(small, "greater_than", large)
        assert not holds(large, "less_than", small)
        assert not holds(small, "greater_than", small)
        assert not holds(small, "less_than", small)

    @pytest.mark.parametrize(
        ("actual", "expected"),
        [
            (MISSING, 0),
            (None, 0),
            (True, 0),
            (False, 1),
            (1, False),
            ("2", 1),
            ([2], [1]),
            ({}, 0),
            (datetime(2027, 1, 15, tzinfo=UTC), NAIVE),
            (NAIVE, date(2027, 1, 15)),
            (timedelta(seconds=1), 0),
            (Decimal("NaN"), 0),
            (Decimal("sNaN"), Decimal(0)),
            (1.5, Decimal("NaN")),
        ],
    )
    def test_does_not_hold_for_what_has_none(self, actual: object, expected: object) -> None:
        assert not holds(actual, "greater_than", expected)
        assert not holds(actual, "less_than", expected)


class TestPaths:
    view = (
        {"error": {"code": "x"}},
        {
            "error": "shadowed",
            "legs": [{"miles": 3}, {"miles": None}],
            "when": encode(date(2027, 1, 15), "it"),
            "odd": encode({"$squidie": {"deep": 1}, "0": "zero"}, "it"),
            "nothing": None,
            "text": "abc",
        },
    )

    @pytest.mark.parametrize(
        ("path", "value"),
        [
            ("error.code", "x"),
            ("legs.0.miles", 3),
            ("legs.1.miles", None),
            ("odd.$squidie.deep", 1),
            ("odd.0", "zero"),
            ("nothing", None),
            ("text", "abc"),
        ],
    )
    def test_lead_through_mappings_and_lists(self, path: str, value: object) -> None:
        assert matches(when(path, "equals", value), self.view)

    @pytest.mark.parametrize(
        "path",
        [
            "nowhere",
            "error.message",
            "legs.2",
            "legs.-1",
            "legs.miles",
            "legs.0.miles.x",
            "when.value",
            "odd.value",
            "nothing.x",
            "text.0",
        ],
    )
    def test_that_lead_nowhere_match_nothing(self, path: str) -> None:
        for value in (None, 0, "2027-01-15", "a", {"deep": 1}):
            assert not matches(when(path, "equals", value), self.view)


class TestTransitions:
    conditional = (
        ok("a", "fallback"),
        ok("a", "left", condition=when("x", "equals", 1)),
        ok("a", "right", condition=when("x", "less_than", 5)),
    )

    @pytest.mark.parametrize(("x", "target"), [(1, "left"), (2, "right"), (7, "fallback"), (None, "fallback")])
    def test_take_the_first_condition_that_holds_and_then_the_fallback(self, x: object, target: str) -> None:
        assert after(*self.conditional, result={"x": x}).open_steps() == [target]

    def test_are_recorded_with_the_place_they_have_in_the_definition(self) -> None:
        run = after(*self.conditional, result={"x": 1})
        applied = run.last[1]
        assert isinstance(applied, RunnableApplied)
        assert applied.decision == Decision("a", "ok", "left", 1)

    def test_look_at_the_result_first_and_then_at_the_whole_context(self) -> None:
        assert after(*self.conditional, payload={"x": 1}).open_steps() == ["left"]
        assert after(*self.conditional, payload={"x": 1}, result={"x": 2}).open_steps() == ["right"]

    def test_see_the_outputs_of_earlier_steps_and_the_payload(self) -> None:
        run = after(
            ok("a", "b"),
            ok("b", "c", condition=when("from_a", "equals", 1)),
            ok("b", END),
            payload={"x": 1},
            result={"from_a": 1},
        ).does("b")
        assert run.open_steps() == ["c"]

    def test_of_which_none_match_fail_the_run(self) -> None:
        run = after(ok("a", "b", condition=when("x", "equals", 1)), result={"y": 1})
        assert run.kinds() == ["attempt_completed", "runnable_applied", "run_terminal"]
        assert run.status == "failed"
        assert run.state.error is not None
        assert run.state.error["code"] == "no_matching_transition"
        assert run.state.error["step"] == "a"
        assert run.state.context == {"y": 1}

    def test_none_of_which_are_declared_end_the_run(self) -> None:
        run = after(error("a", "b"), result={"x": 1})
        assert run.status == "completed"
        assert run.state.context == {"x": 1}

    def test_to_the_end_complete_the_run(self) -> None:
        run = after(ok("a", END))
        assert run.last[-1] == RunTerminal(NOW, "completed")
        applied = run.last[-2]
        assert isinstance(applied, RunnableApplied)
        assert applied.decision == Decision("a", "ok", END, 0)


class TestLoops:
    def test_are_taken_as_often_as_they_may_be(self) -> None:
        run = Run(plan_of(step("a"), step("b"), transitions=[ok("a", "a", max_visits=2), ok("a", "b")]))
        seen: list[str] = []
        while not run.state.terminal:
            (name,) = run.claim()
            seen.append(run.key(name).removeprefix(RUN_ID))
            run.complete(name)
        assert seen == [":a:1", ":a#2:1", ":a#3:1", ":b:1"]

    def test_give_each_visit_its_own_keys_and_input(self) -> None:
        plan = plan_of(
            step("a", takes=["n"]),
            transitions=[ok("a", "a", max_visits=3, condition=when("n", "less_than", 2)), ok("a", END)],
        )
        run = Run(plan, {"n": 0}).does("a", {"n": 1})
        runnable = run.runnable("a")
        assert (runnable.key, runnable.idempotency_key) == (f"{RUN_ID}:a#2:1",) * 2
        assert (runnable.input, runnable.visit, runnable.attempt) == ({"n": 1}, 2, 1)
        assert run.does("a", {"n": 2}).status == "completed"

    def test_that_are_exhausted_and_have_no_way_out_fail_the_run(self) -> None:
        run = Run(plan_of(step("a"), transitions=[ok("a", "a", max_visits=1)])).does("a").does("a")
        assert run.state.error is not None
        assert run.state.error["code"] == "no_matching_transition"

    def test_on_error_are_limited_too(self) -> None:
        run = Run(plan_of(step("a"), transitions=[ok("a", END), error("a", "a", max_visits=1)]))
        run.claim()
        run.fail("a", failure("first"))
        assert run.open_steps() == ["a"]
        run.claim()
        run.fail("a", failure("second"))
        assert run.status == "failed"
        assert run.state.error is not None
        assert run.state.error["message"] == "second"

    def test_over_several_steps_count_the_edge_and_not_the_steps(self) -> None:
        plan = plan_of(
            step("a"),
            step("b"),
            transitions=[ok("a", "b"), ok("b", "a", max_visits=2), ok("b", END)],
        )
        run = Run(plan)
        seen: list[str] = []
        while not run.state.terminal:
            (name,) = run.claim()
            seen.append(name)
            run.complete(name)
        assert seen == ["a", "b"] * 3

    def test_start_each_visit_with_all_attempts_and_deliveries(self) -> None:
        plan = plan_of(step("a", retry=retry(2)), transitions=[ok("a", "a", max_visits=1), ok("a", END)])
        run = Run(plan)
        for visit in ("a", "a#2"):
            run.claim()
            run.fail("a")
            assert run.key("a") == f"{RUN_ID}:{visit}:2"
            run.does("a")
        assert run.status == "completed"


class TestErrorRoutes:
    plan = plan_of(
        step("a"),
        step("undo", takes=["error"]),
        step("mourn"),
        transitions=[
            ok("a", END),
            error("a", "undo", condition=when("error.code", "equals", "broken"), recovery="undo"),
            error("a", "mourn", condition=when("error.details.n", "greater_than", 1)),
        ],
    )

    def test_are_chosen_by_the_failure_and_recorded_with_their_recovery(self) -> None:
        run = Run(self.plan)
        run.claim()
        run.fail("a", {"code": "broken", "message": "m"})
        assert run.kinds() == ["attempt_failed", "runnable_applied", "runnables_planned"]
        applied = run.last[1]
        assert isinstance(applied, RunnableApplied)
        assert applied.decision == Decision("a", "error", "undo", 1, "undo")
        assert run.runnable("undo").input == {"error": {"code": "broken", "message": "m"}}
        assert run.state.context == {}

    def test_may_look_into_the_details_of_the_failure(self) -> None:
        run = Run(self.plan)
        run.claim()
        run.fail("a", {"code": "other", "details": {"n": 2}})
        assert run.open_steps() == ["mourn"]

    def test_of_which_none_match_end_the_run_with_the_failure(self) -> None:
        run = Run(self.plan)
        run.claim()
        run.fail("a", {"code": "other"})
        assert run.kinds() == ["attempt_failed", "run_terminal"]
        assert run.state.error == {"code": "other", "step": "a", "runnable_key": f"{RUN_ID}:a:1"}

    def test_to_the_end_complete_the_run(self) -> None:
        run = Run(plan_of(step("a"), transitions=[ok("a", END), error("a", END)]))
        run.claim()
        run.fail("a")
        assert run.kinds() == ["attempt_failed", "runnable_applied", "run_terminal"]
        assert (run.status, run.state.error) == ("completed", None)

    def test_give_the_whole_context_and_the_failure_to_a_body_that_takes_everything(self) -> None:
        everything = StepDefinition(name="b", parameters=None)
        run = Run(plan_of(step("a"), everything, transitions=[ok("a", END), error("a", "b")]), {"error": "old", "x": 1})
        run.claim()
        run.fail("a")
        assert run.runnable("b").input == {"error": failure(), "x": 1}


class TestTheRoutedFailure:
    everything = StepDefinition(name="look", parameters=None)
    plan = plan_of(
        step("a"),
        step("mend"),
        step("b"),
        everything,
        transitions=[
            ok("a", "b"),
            error("a", "mend"),
            ok("mend", "a", max_visits=1),
            error("mend", "b"),
            ok("b", "look"),
            ok("look", END),
        ],
    )

    def test_is_seen_from_the_target_of_its_route_on_and_the_newest_hides_those_before(self) -> None:
        run = Run(self.plan, {"error": "of the payload"})
        run.claim()
        run.fail("a", failure("first"))
        run.claim()
        run.fail("mend", failure("second"))
        run.does("b")
        assert run.runnable("look").input == {"error": failure("second")}
        assert run.state.context == {"error": "of the payload"}

    def test_is_still_seen_when_a_loop_has_mended_it(self) -> None:
        run = Run(self.plan)
        run.claim()
        run.fail("a", failure("first"))
        run.does("mend").does("a").does("b")
        assert run.runnable("look").input == {"error": failure("first")}

    def test_gives_way_to_a_later_result_of_its_name(self) -> None:
        run = Run(self.plan)
        run.claim()
        run.fail("a", failure("first"))
        run.does("mend", {"error": "mended"}).does("a").does("b")
        assert run.runnable("look").input == {"error": "mended"}
        assert visible(run.refolded()) == visible(run.state)


class TestWaits:
    plan = plan_of(step("rest", kind="wait", duration=1_500), step("go"), transitions=[ok("rest", "go")])

    def test_last_milliseconds(self) -> None:
        run = Run(self.plan)
        assert run.state.wake_at() == NOW + 1_500
        assert run.later(1_499).claim() == []
        assert run.last == []
        assert run.later(1).claim() == ["go"]
        assert run.last[0] == AttemptCompleted(NOW + 1_500, f"{RUN_ID}:rest:1", None, {})

    def test_as_the_last_step_end_the_run_when_they_are_over(self) -> None:
        run = Run(plan_of(step("a"), step("rest", kind="wait", duration=10), transitions=[ok("a", "rest")])).does("a")
        assert run.status == "running"
        run.later(10).claim()
        assert (run.status, run.state.ended_at) == ("completed", NOW + 10)

    def test_are_never_claimed(self) -> None:
        run = Run(self.plan).later(1_500)
        run.claim(limit=0)
        assert run.kinds() == ["attempt_completed", "runnable_applied", "runnables_planned"]
        assert run.runnable("rest").deliveries == 0

    def test_that_nobody_looked_at_in_time_are_over_when_somebody_does(self) -> None:
        run = Run(self.plan).later(90_000)
        assert run.claim() == ["go"]
        assert run.runnable("go").visible_at == NOW + 90_000


class TestLogs:
    def test_are_claimed_and_completed_like_bodies(self) -> None:
        run = Run(plan_of(step("say", kind="log", message="hello"), step("go"), transitions=[ok("say", "go")]))
        assert run.claim() == ["say"]
        assert run.runnable("say").kind == "log"
        run.complete("say")
        assert run.open_steps() == ["go"]
