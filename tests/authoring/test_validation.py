"""The rules for definitions, as they hold for documents that no class stands behind."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from squidie_core.authoring import compiled
from squidie_core.definition.cron import parse_cron
from squidie_core.definition.findings import Sources
from squidie_core.definition.graph import circles, roots
from squidie_core.definition.model import (
    Condition,
    Definition,
    InputPath,
    Parameter,
    PayloadField,
    RetryPolicy,
    StepDefinition,
    Transition,
    TriggerDefinition,
)
from squidie_core.definition.paths import Knowledge, merged
from squidie_core.definition.validation import validate
from tests.authoring import flows

GO = TriggerDefinition(name="go", payload=(PayloadField(name="order_id", type="str"),))
PACK = StepDefinition(name="pack", parameters=(Parameter(name="order_id"),))
SHIP = StepDefinition(name="ship", parameters=(Parameter(name="order_id"),))
CHAIN = Transition(source="pack", on="ok", target="ship")
GOOD = Definition(name="order", triggers=(GO,), steps=(PACK, SHIP), transitions=(CHAIN,))

wrong: Any = "nonsense"


def codes(definition: Definition, **options: Any) -> list[str]:
    return [problem.code for problem in validate(definition, **options)]


@pytest.mark.parametrize("workflow", flows.ALL)
def test_what_classes_compile_to_is_valid(workflow: type) -> None:
    assert validate(compiled(workflow).definition) == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"name": ""}, "invalid_workflow_name"),
        ({"on_drift": wrong}, "invalid_on_drift"),
        ({"triggers": ()}, "missing_triggers"),
        ({"triggers": (GO, GO)}, "duplicate_trigger_name"),
        ({"steps": (), "transitions": ()}, "missing_steps"),
        ({"steps": (PACK, SHIP, SHIP)}, "duplicate_step_name"),
        ({"transitions": (replace(CHAIN, on=wrong),)}, "invalid_transition_outcome"),
        ({"transitions": (replace(CHAIN, target="shp"),)}, "unknown_transition_target"),
        ({"transitions": (CHAIN, replace(CHAIN, source="shp", target="pack"))}, "unknown_transition_source"),
        ({"steps": (PACK, replace(SHIP, after=("pakc",))), "transitions": ()}, "unknown_step_dependency"),
        ({"steps": (PACK, replace(SHIP, after=("ship",))), "transitions": ()}, "self_step_dependency"),
        (
            {"steps": (replace(PACK, after=("ship",)), replace(SHIP, after=("pack",))), "transitions": ()},
            "dependency_cycle",
        ),
        ({"transitions": (CHAIN, replace(CHAIN, source="ship", target="pack"))}, "transition_cycle"),
        (
            {"transitions": (replace(CHAIN, condition=Condition(path=("a",), operator=wrong, value=1)),)},
            "invalid_transition_condition",
        ),
        (
            {"transitions": (replace(CHAIN, condition=Condition(path=("a",), operator="less_than", value="x")),)},
            "invalid_transition_condition",
        ),
        (
            {
                "steps": (
                    PACK,
                    replace(SHIP, input=(InputPath(target="order_id", path=("a",)),) * 2),
                )
            },
            "invalid_step_input_mapping",
        ),
        (
            {"steps": (PACK, replace(SHIP, retry=RetryPolicy(max_attempts=3, min=5, max=1)))},
            "invalid_step_retry_backoff",
        ),
        ({"triggers": (replace(GO, kind="cron", timezone="UTC"),)}, "invalid_cron_expression"),
        ({"triggers": (replace(GO, kind="cron", expression="0 * * * *"),)}, "invalid_cron_timezone"),
    ],
)
def test_each_rule_has_its_code(change: dict[str, Any], code: str) -> None:
    assert codes(GOOD) == []
    assert codes(replace(GOOD, **change)) == [code]


def test_problems_carry_the_sources_that_are_known() -> None:
    broken = replace(GOOD, steps=(PACK, replace(SHIP, timeout=0)), transitions=(replace(CHAIN, max_visits=0),))
    sources = Sources(steps={"ship": "flow.py:3"}, transitions=["flow.py:9"])
    assert {(problem.place, problem.source) for problem in validate(broken, sources)} == {
        ("step 'ship'", "flow.py:3"),
        ("transition pack.ok -> ship", "flow.py:9"),
    }


def test_a_part_of_a_definition_need_not_be_complete() -> None:
    assert codes(Definition(name=""), complete=False) == []


def test_where_no_time_zone_is_known_it_is_said_what_to_install() -> None:
    """As in slim containers; seen by a fresh interpreter, since zones that were used are remembered."""
    program = (
        "import sys; sys.modules['tzdata'] = None\n"
        "from squidie_core import DefinitionError, Workflow, step, trigger\n"
        "def note() -> None: ...\n"
        "try:\n"
        "    class Daily(Workflow, name='daily'):\n"
        "        at = trigger.cron('0 6 * * *', timezone='Europe/Berlin')\n"
        "        note = step(note)\n"
        "except DefinitionError as error:\n"
        "    print(error)\n"
    )
    environment = {**os.environ, "PYTHONTZPATH": ""}
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, env=environment)
    assert "'Europe/Berlin' is no known time zone" in done.stdout
    assert "pip install tzdata" in done.stdout


class TestPaths:
    def test_only_what_is_known_is_flagged(self) -> None:
        reading = replace(SHIP, input=(InputPath(target="order_id", path=("stock", "id")),))
        definition = replace(GOOD, steps=(replace(PACK, output="stock"), reading))
        assert codes(definition) == []
        assert codes(definition, known=Knowledge({"pack": None})) == []
        assert codes(definition, known=Knowledge({"pack": {"id": {}}})) == []
        assert codes(definition, known=Knowledge({"pack": {"name": {}}})) == ["unknown_input_path"]

    def test_an_unknown_result_without_a_name_leaves_everything_open(self) -> None:
        reading = replace(SHIP, parameters=(Parameter(name="parcel"),))
        definition = replace(GOOD, steps=(PACK, reading))
        assert codes(definition) == []
        assert codes(definition, known=Knowledge({"pack": {}})) == ["missing_step_input"]
        assert codes(definition, known=Knowledge({"pack": {"parcel": None}})) == []

    def test_what_may_be_one_of_several_shapes_may_have_the_names_of_each(self) -> None:
        assert merged([{"a": {}}, {"b": None}]) == {"a": {}, "b": None}
        assert merged([{"a": {"x": {}}}, {"a": {"y": {}}}]) == {"a": {"x": {}, "y": {}}}
        assert merged([{"a": {}}, {"a": None}]) == {"a": None}
        assert merged([{"a": {}}, None]) is None


class TestRoots:
    def test_by_transitions_the_step_that_nothing_leads_to(self) -> None:
        assert roots(GOOD) == ("pack",)
        retrying = replace(CHAIN, source="pack", on="error", target="pack", max_visits=2)
        assert roots(replace(GOOD, transitions=(CHAIN, retrying))) == ("pack",)

    def test_by_transitions_the_first_step_where_a_loop_leads_back_to_it(self) -> None:
        back = Transition(source="ship", on="error", target="pack", max_visits=2)
        looping = replace(GOOD, transitions=(CHAIN, back))
        assert roots(looping) == ("pack",)
        assert codes(looping) == []

    def test_by_dependencies_every_step_without_any(self) -> None:
        joined = StepDefinition(name="join", after=("pack", "ship"))
        assert roots(replace(GOOD, steps=(PACK, joined, SHIP), transitions=())) == ("pack", "ship")


def test_each_circle_is_found_where_it_closes() -> None:
    edges = {"a": ["b"], "b": ["c", "a"], "c": ["b", "d"], "d": ["d"]}
    assert list(circles(edges)) == [["b", "c", "b"], ["d", "d"], ["a", "b", "a"]]


class TestCron:
    def test_every_form_of_a_field(self) -> None:
        cron = parse_cron("*/20 0,12 1-3 jan-Mar/2 Mon,7")
        assert sorted(cron.minutes) == [0, 20, 40]
        assert sorted(cron.hours) == [0, 12]
        assert sorted(cron.days) == [1, 2, 3]
        assert sorted(cron.months) == [1, 3]
        assert sorted(cron.weekdays) == [0, 1]
        assert sorted(parse_cron("50/5 * * * *").minutes) == [50, 55]
        assert len(parse_cron("* * * * *").hours) == 24

    @pytest.mark.parametrize("expression", ["0 0 31 2,4 *", "0 0 30 feb *"])
    def test_a_day_that_never_comes_is_refused(self, expression: str) -> None:
        with pytest.raises(ValueError, match="never comes"):
            parse_cron(expression)

    def test_a_day_that_comes_sometimes_is_not(self) -> None:
        assert parse_cron("0 0 29 2 *").days == {29}
        assert parse_cron("0 0 30 2 mon").weekdays == {1}
