"""Definitions as text, their fingerprints, and the tables that decisions look into."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squidie_core.definition.content import fingerprint, from_text, to_text
from squidie_core.definition.model import (
    END,
    Condition,
    DeadlinePolicy,
    Definition,
    Drift,
    InputPath,
    LogLevel,
    Operator,
    Overlap,
    Parameter,
    PayloadField,
    Recovery,
    RetryPolicy,
    StepDefinition,
    StepKind,
    StepOutcome,
    Transition,
    TriggerDefinition,
)
from squidie_core.definition.plan import Plan
from tests.core.journal_values import QUICK, THOROUGH, plain_values
from tests.core.runs import error, ok, plan_of, step, when

names = st.text("abc\u00e9\x00", max_size=3)
some_names = st.lists(names, max_size=2).map(tuple)
paths = st.lists(names, min_size=1, max_size=3).map(tuple)
counts = st.integers(0, 10**6)
maybe = st.none() | names

retries = st.builds(
    RetryPolicy,
    max_attempts=counts,
    min=counts,
    max=counts,
    factor=st.floats(1, 10),
    jitter=st.booleans(),
    retry_on=some_names,
    give_up_on=some_names,
)
deadlines = st.builds(
    DeadlinePolicy, within=counts, due_soon=counts, escalate_after=st.none() | counts, escalation=names
)
steps = st.builds(
    StepDefinition,
    name=names,
    kind=st.sampled_from(get_args(StepKind)),
    parameters=st.none() | st.lists(st.builds(Parameter, name=names, required=st.booleans()), max_size=2).map(tuple),
    input=st.lists(st.builds(InputPath, target=names, path=paths), max_size=2).map(tuple),
    output=maybe,
    after=some_names,
    retry=st.none() | retries,
    deadline=st.none() | deadlines,
    timeout=st.none() | counts,
    irreversible=st.booleans(),
    compensatable=st.booleans(),
    compensate=maybe,
    compensate_retry=st.none() | retries,
    transaction=st.booleans(),
    await_children=st.booleans(),
    max_deliveries=counts,
    duration=st.none() | counts,
    message=maybe,
    level=st.none() | st.sampled_from(get_args(LogLevel)),
)
transitions = st.builds(
    Transition,
    source=names,
    on=st.sampled_from(get_args(StepOutcome)),
    target=names,
    condition=st.none()
    | st.builds(Condition, path=paths, operator=st.sampled_from(get_args(Operator)), value=plain_values),
    recovery=st.none() | st.sampled_from(get_args(Recovery)),
    max_visits=st.none() | counts,
)
triggers = st.builds(
    TriggerDefinition,
    name=names,
    kind=st.sampled_from(["manual", "cron"]),
    payload=st.lists(st.builds(PayloadField, name=names, type=names, required=st.booleans()), max_size=2).map(tuple),
    expression=maybe,
    timezone=maybe,
    idempotency=st.none() | st.sampled_from(get_args(Overlap)),
)
definitions = st.builds(
    Definition,
    name=names,
    version=maybe,
    queue=maybe,
    on_drift=st.sampled_from(get_args(Drift)),
    triggers=st.lists(triggers, max_size=2).map(tuple),
    steps=st.lists(steps, max_size=3).map(tuple),
    transitions=st.lists(transitions, max_size=3).map(tuple),
)


class TestContent:
    @given(definition=definitions)
    @THOROUGH
    def test_gives_back_the_definition(self, definition: Definition) -> None:
        assert from_text(to_text(definition)) == definition

    @QUICK
    @given(definition=definitions)
    def test_is_canonical(self, definition: Definition) -> None:
        text = to_text(definition)
        assert text == to_text(from_text(text))
        assert text.isascii()
        assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))

    @QUICK
    @given(some=definitions, other=definitions)
    def test_differs_exactly_where_the_definitions_do(self, some: Definition, other: Definition) -> None:
        assert (to_text(some) == to_text(other)) == (some == other)

    def test_leaves_out_every_default(self) -> None:
        assert to_text(Definition(name="w", steps=(StepDefinition(name="a"),))) == '{"name":"w","steps":[{"name":"a"}]}'

    def test_tells_a_body_that_takes_everything_from_one_that_takes_nothing(self) -> None:
        everything = Definition(name="w", steps=(StepDefinition(name="a", parameters=None),))
        assert '"parameters":null' in to_text(everything)
        assert from_text(to_text(everything)) == everything

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "5",
            "null",
            "[]",
            '"text"',
            "{}",
            '{"name":"w","colour":"red"}',
            '{"name":"w","steps":5}',
            '{"name":"w","steps":[5]}',
            '{"name":"w","steps":[{}]}',
            '{"name":"w","steps":[{"name":"a","input":[{}]}]}',
            '{"name":"w","steps":[{"name":"a","input":[5]}]}',
            '{"name":"w","steps":[{"name":"a","retry":5}]}',
            '{"name":"w","steps":[{"name":"a","deadline":{}}]}',
            '{"name":"w","transitions":[5]}',
            '{"name":"w","transitions":[{}]}',
            '{"name":"w","transitions":[{"source":"a","on":"ok","target":"b","condition":{}}]}',
            '{"name":"w","triggers":[5]}',
            '{"name":"w","triggers":[{"name":"t","payload":[5]}]}',
            "[" * 100_000,
        ],
    )
    def test_that_is_no_definition_raises_what_it_promises(self, text: str) -> None:
        with pytest.raises((KeyError, TypeError, ValueError)):
            from_text(text)


class TestFingerprint:
    def test_does_not_change_with_what_has_its_default(self) -> None:
        plain = Definition(name="w", steps=(StepDefinition(name="a", retry=RetryPolicy(max_attempts=2)),))
        spelled_out = Definition(
            name="w",
            on_drift="continue",
            steps=(
                StepDefinition(
                    name="a",
                    kind="run",
                    max_deliveries=5,
                    compensatable=True,
                    retry=RetryPolicy(max_attempts=2, min=0, max=0, factor=2.0, jitter=True),
                ),
            ),
        )
        assert fingerprint(to_text(plain)) == fingerprint(to_text(spelled_out))

    def test_never_changes(self) -> None:
        definition = Definition(
            name="ring-errand",
            version="1",
            steps=(step("pack", takes=["bearer"], output="provisions"), step("rest", kind="wait", duration=60_000)),
            transitions=(ok("pack", "rest", condition=when("bearer", "equals", "frodo")),),
        )
        assert fingerprint(to_text(definition)) == "290b45548f91d2cffeb17e25a8eb0464aaf14919b8014eca91a17c9878ba9e83"

    @pytest.mark.parametrize(
        "change",
        [
            {"kind": "wait", "duration": 1},
            {"parameters": None},
            {"parameters": (Parameter(name="x", required=False),)},
            {"input": (InputPath(target="x", path=("a", "b")),)},
            {"output": "o"},
            {"retry": RetryPolicy(max_attempts=1)},
            {"deadline": DeadlinePolicy(within=1)},
            {"timeout": 1},
            {"irreversible": True},
            {"compensatable": False},
            {"compensate": "m.undo"},
            {"transaction": True},
            {"await_children": True},
            {"max_deliveries": 6},
            {"message": "m"},
            {"level": "info"},
        ],
    )
    def test_covers_everything_about_a_step(self, change: dict[str, object]) -> None:
        plain = StepDefinition(name="a")
        changed = replace(plain, **change)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        assert Plan(Definition(name="w", steps=(plain,))).fingerprint != (
            Plan(Definition(name="w", steps=(changed,))).fingerprint
        )


class TestPlan:
    def test_tries_conditional_routes_in_their_order_and_then_the_others(self) -> None:
        plan = plan_of(
            step("a"),
            step("b"),
            step("c"),
            step("d"),
            transitions=[
                ok("a", "b"),
                ok("a", "c", condition=when("x", "equals", 1)),
                error("a", END),
                ok("a", "d", condition=when("x", "equals", 2)),
                error("a", "d", condition=when("error.code", "equals", "x"), recovery="undo"),
            ],
        )
        assert [(route.index, route.transition.target) for route in plan.steps["a"].on_ok] == [
            (1, "c"),
            (3, "d"),
            (0, "b"),
        ]
        assert [(route.index, route.transition.target) for route in plan.steps["a"].on_error] == [(4, "d"), (2, END)]
        assert plan.steps["b"].on_ok == ()

    def test_begins_with_what_nothing_leads_to(self) -> None:
        assert plan_of(step("b"), step("a"), transitions=[ok("a", "b"), ok("a", "a", max_visits=2)]).roots == ("a",)

    def test_begins_with_the_first_step_where_a_loop_leads_back_to_it(self) -> None:
        plan = plan_of(step("a"), step("b"), transitions=[ok("a", "b"), ok("b", "a", max_visits=2)])
        assert plan.roots == ("a",)

    def test_by_dependencies_begins_with_all_that_have_none(self) -> None:
        plan = plan_of(step("a"), step("c", after=("a", "b")), step("b"), step("d", after=("b",)))
        assert plan.uses_dependencies
        assert plan.roots == ("a", "b")
        assert plan.steps["a"].dependents == ("c",)
        assert plan.steps["b"].dependents == ("c", "d")
        assert plan.steps["d"].dependents == ()

    @given(definition=definitions)
    @QUICK
    def test_of_a_stored_text_is_that_of_the_definition(self, definition: Definition) -> None:
        made, stored = Plan(definition), Plan.from_text(to_text(definition))
        assert stored.fingerprint == made.fingerprint == fingerprint(made.text)
        assert (stored.definition, stored.roots, stored.steps) == (made.definition, made.roots, made.steps)
