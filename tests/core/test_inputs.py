"""The input of a step: what its mapping names, then what its body takes by name."""

from __future__ import annotations

from typing import Any

import pytest

from squidie_core.decisions.context import MAX_INPUT_BYTES, MissingInputError, select_input
from squidie_core.definition.model import END, InputPath, Parameter, StepDefinition
from tests.core.runs import RUN_ID, Run, error, ok, plan_of, step

CONTEXT: dict[str, Any] = {
    "bearer": "frodo",
    "council": {"decision": "go", "odd": {"$squidie": "dict", "value": {"$squidie": {"x": 1}}}},
    "legs": [{"miles": 3}, {"miles": 7}],
    "nothing": None,
}


def path(target: str, dotted: str) -> InputPath:
    return InputPath(target=target, path=tuple(dotted.split(".")))


def selected(*parameters: str, input: tuple[InputPath, ...] = (), error: object = None) -> dict[str, Any]:  # noqa: A002  # the step's own word
    view = (CONTEXT,) if error is None else ({"error": error}, CONTEXT)
    return select_input(step("s", takes=parameters, input=input), view)


class TestInput:
    def test_is_what_the_body_takes_by_name(self) -> None:
        assert selected("bearer", "nothing") == {"bearer": "frodo", "nothing": None}
        assert selected() == {}

    def test_leaves_out_what_the_body_does_not_need_and_the_context_does_not_have(self) -> None:
        optional = StepDefinition(name="s", parameters=(Parameter(name="ring", required=False), Parameter(name="legs")))
        assert select_input(optional, (CONTEXT,)) == {"legs": CONTEXT["legs"]}

    def test_is_everything_for_a_body_that_takes_everything(self) -> None:
        everything = StepDefinition(name="s", parameters=None, input=(path("miles", "legs.1.miles"),))
        assert select_input(everything, (CONTEXT,)) == {**CONTEXT, "miles": 7}
        assert select_input(everything, ({"error": "e", "bearer": "sam"}, CONTEXT))["bearer"] == "sam"

    def test_follows_nested_paths_and_list_indices(self) -> None:
        mapped = (path("a", "council.decision"), path("b", "legs.1.miles"), path("c", "council.odd.$squidie.x"))
        assert selected(input=mapped) == {"a": "go", "b": 7, "c": 1}

    def test_takes_the_rest_by_name_beside_a_mapping(self) -> None:
        assert selected("bearer", "legs", input=(path("bearer", "council.decision"),)) == {
            "bearer": "go",
            "legs": CONTEXT["legs"],
        }

    def test_has_the_failure_on_an_error_route(self) -> None:
        assert selected("error", error={"code": "x"}) == {"error": {"code": "x"}}
        assert selected(input=(path("why", "error.code"),), error={"code": "x"}) == {"why": "x"}

    @pytest.mark.parametrize(
        ("dotted", "missing_at"),
        [
            ("ring", ["ring"]),
            ("council.verdict", ["council", "verdict"]),
            ("council.verdict.deep", ["council", "verdict"]),
            ("legs.2.miles", ["legs", "2"]),
            ("legs.x", ["legs", "x"]),
            ("bearer.name", ["bearer", "name"]),
            ("nothing.x", ["nothing", "x"]),
        ],
    )
    def test_that_leads_nowhere_names_the_first_part_that_is_missing(self, dotted: str, missing_at: list[str]) -> None:
        with pytest.raises(MissingInputError) as caught:
            selected(input=(path("target", dotted),))
        assert caught.value.details == {
            "step": "s",
            "target": "target",
            "path": dotted.split("."),
            "missing_at": missing_at,
        }
        assert f"step 's' needs {dotted!r} for 'target'" in str(caught.value)


class TestAStepWhoseInputIsMissing:
    plan = plan_of(
        step("a"),
        step("b", takes=["ring"]),
        step("c"),
        transitions=[ok("a", "b"), error("a", "c"), error("b", "c"), ok("b", END)],
    )

    def test_fails_the_run_and_takes_no_error_route(self) -> None:
        run = Run(self.plan).does("a", {"x": 1})
        assert run.kinds() == ["attempt_completed", "runnable_applied", "run_terminal"]
        assert run.state.error == {
            "code": "missing_input_path",
            "message": "step 'b' needs 'ring' for 'ring', and the run has no such value",
            "details": {"step": "b", "target": "ring", "path": ["ring"], "missing_at": ["ring"]},
            "retryable": False,
        }
        assert run.state.runnables[f"{RUN_ID}:a:1"].status == "applied"
        assert run.state.context == {"x": 1}

    def test_fails_the_run_beside_other_dependents(self) -> None:
        run = Run(plan_of(step("a"), step("b", after=("a",)), step("c", after=("a",), takes=["ring"]))).does("a")
        assert run.status == "failed"
        assert run.open_steps() == []

    def test_fails_the_run_that_a_wait_leads_to_it(self) -> None:
        plan = plan_of(step("rest", kind="wait", duration=5), step("b", takes=["ring"]), transitions=[ok("rest", "b")])
        run = Run(plan).later(5)
        assert run.claim() == []
        assert run.status == "failed"


class TestLargeInput:
    def test_fails_the_run_that_cannot_plan_the_step(self) -> None:
        """Stored whole it would be larger than a commit, which no store takes, however often it is tried."""
        large = StepDefinition(name="large", parameters=None)
        run = Run(plan_of(step("a"), step("b"), large, transitions=[ok("a", "b"), ok("b", "large"), ok("large", END)]))
        for name in ("a", "b"):
            run.claim()
            run.complete(name, {name: "x" * (MAX_INPUT_BYTES // 2)})
        assert run.state.status == "failed"
        assert run.state.error is not None
        assert run.state.error["code"] == "input_too_large"
        assert run.state.error["details"]["steps"] == ["large"]

    def test_counts_what_is_planned_together(self) -> None:
        half = "x" * (MAX_INPUT_BYTES // 2)
        after = [StepDefinition(name=name, parameters=(Parameter(name="half"),), after=("a",)) for name in "bc"]
        run = Run(plan_of(step("a"), *after))
        run.claim()
        run.complete("a", {"half": half})
        assert run.state.error is not None
        assert run.state.error["code"] == "input_too_large"

    def test_measures_the_text_that_is_stored(self) -> None:
        """Escapes count: six characters for one."""
        run = Run(plan_of(step("a"), step("b", takes=("half",)), transitions=[ok("a", "b"), ok("b", END)]))
        run.claim()
        run.complete("a", {"half": "\u20ac" * (MAX_INPUT_BYTES // 6 - 20)})
        assert run.state.status == "running"
