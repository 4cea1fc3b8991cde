"""What a workflow class declares and compiles to."""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any, cast

import pytest

from squidie_core.authoring import (
    AnyStep,
    DeclarationError,
    Retry,
    StepContext,
    Workflow,
    compiled,
    definition_of,
    end,
    sequence,
    step,
    trigger,
    where,
)
from squidie_core.definition.content import from_text, to_text
from squidie_core.definition.model import (
    Condition,
    DeadlinePolicy,
    InputPath,
    Parameter,
    PayloadField,
    RetryPolicy,
    StepDefinition,
    Transition,
    TriggerDefinition,
)
from squidie_core.errors import SquidieError
from tests.authoring import flows
from tests.authoring.flows import Bank, Checkout, DailyDigest, Order, ParallelAttack, Refund, RingErrand


def step_of(workflow: type[Workflow], name: str) -> StepDefinition:
    return next(item for item in definition_of(workflow).steps if item.name == name)


def edges(workflow: type[Workflow]) -> list[tuple[str, str, str]]:
    return [(item.source, item.on, item.target) for item in definition_of(workflow).transitions]


class TestCompiling:
    @pytest.mark.parametrize("workflow", flows.ALL)
    def test_every_workflow_survives_its_canonical_text(self, workflow: type[Workflow]) -> None:
        definition = definition_of(workflow)
        assert from_text(to_text(definition)) == definition

    @pytest.mark.parametrize("workflow", flows.ALL)
    def test_compiling_needs_no_warning(self, workflow: type[Workflow]) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert compiled(workflow) is compiled(workflow)

    def test_the_class_attribute_is_the_definition(self) -> None:
        assert RingErrand.definition is definition_of(RingErrand)

    def test_names_and_kinds_stand_in_the_order_of_declaration(self) -> None:
        assert [(item.name, item.kind) for item in RingErrand.definition.steps] == [
            ("pack", "run"),
            ("hide", "pause"),
            ("council", "approval"),
            ("choose", "run"),
            ("cross", "run"),
            ("eagle", "run"),
            ("toss", "run"),
        ]

    def test_options_become_plain_data_in_milliseconds(self) -> None:
        assert step_of(RingErrand, "council").deadline == DeadlinePolicy(
            within=300_000, due_soon=60_000, escalation="operator_action"
        )
        assert step_of(RingErrand, "cross").retry == RetryPolicy(max_attempts=3, min=1_000, max=30_000)
        assert step_of(RingErrand, "choose").input == (InputPath(target="decision", path=("council", "decision")),)
        assert step_of(ParallelAttack, "dusk").duration == 300_000
        assert step_of(ParallelAttack, "tell").message == "won"
        assert step_of(ParallelAttack, "tell").level == "warning"
        assert step_of(ParallelAttack, "victory").after == ("dusk", "marching", "rally")

    def test_a_number_of_attempts_is_a_retry_with_the_usual_backoff(self) -> None:
        expected = RetryPolicy(max_attempts=3, min=1_000, max=300_000)
        assert step_of(DailyDigest, "collect").retry == expected

    def test_a_retry_without_backoff_does_not_pause(self) -> None:
        class Eager(Workflow, name="eager"):
            go = trigger.manual(Order)
            only = step(flows.ship_order, retry=Retry(4, None))

        assert step_of(Eager, "only").retry == RetryPolicy(max_attempts=4)

    def test_exceptions_are_kept_by_name(self) -> None:
        class Picky(Workflow, name="picky"):
            go = trigger.manual(Order)
            only = step(flows.ship_order, retry=Retry(retry_on=(OSError, KeyError), give_up_on=(FileExistsError,)))

        policy = step_of(Picky, "only").retry
        assert policy is not None
        assert policy.retry_on == ("builtins.KeyError", "builtins.OSError")
        assert policy.give_up_on == ("builtins.FileExistsError",)

    def test_transitions_keep_their_order_and_conditions(self) -> None:
        assert RingErrand.definition.transitions[4] == Transition(
            source="choose",
            on="ok",
            target="cross",
            condition=Condition(path=("route", "decision"), operator="equals", value="auto"),
        )
        assert ("cross", "error", "__complete__") in edges(RingErrand)
        assert RingErrand.definition.transitions[-2].recovery == "undo"

    def test_parameters_leave_out_what_the_runtime_provides(self) -> None:
        assert step_of(RingErrand, "cross").parameters == (Parameter(name="bearer"),)
        assert step_of(Refund, "pay").parameters == (Parameter(name="order_id"), Parameter(name="amount"))

    def test_a_compensation_may_be_a_step_with_a_retry_of_its_own(self) -> None:
        charge = step_of(Checkout, "charge")
        assert charge.compensate == "tests.authoring.flows.refund_card"
        assert charge.compensate_retry is not None
        assert charge.compensate_retry.max_attempts == 5
        assert step_of(Checkout, "reserve").compensate_retry is None

    def test_an_irreversible_step_is_not_compensatable(self) -> None:
        assert step_of(Checkout, "ship").irreversible
        assert not step_of(Checkout, "ship").compensatable

    def test_triggers_carry_their_payload_fields(self) -> None:
        assert RingErrand.definition.triggers == (
            TriggerDefinition(
                name="leave_shire",
                payload=(
                    PayloadField(name="ring_id", type="str"),
                    PayloadField(name="bearer", type="str", required=False),
                    PayloadField(name="route_preference", type="str", required=False),
                ),
            ),
        )
        nightly = DailyDigest.definition.triggers[0]
        assert (nightly.kind, nightly.expression, nightly.timezone) == ("cron", "0 7 * * *", "Europe/Berlin")
        assert nightly.idempotency == "return_existing_run"

    def test_a_lone_transition_is_accepted(self) -> None:
        class Two(Workflow, name="two"):
            go = trigger.manual(Order)
            first = step(flows.reserve_stock)
            second = step(flows.ship_order)
            transitions = first.ok.to(second)

        assert edges(Two) == [("first", "ok", "second")]

    def test_what_the_runtime_looks_up(self) -> None:
        workflow = compiled(Checkout)
        assert workflow.name == "checkout"
        assert workflow.definition is workflow.plan.definition
        assert (workflow.text, workflow.fingerprint) == (workflow.plan.text, workflow.plan.fingerprint)
        assert set(workflow.bodies) == {"reserve", "charge", "ship"}
        assert set(workflow.compensations) == {"reserve", "charge"}
        assert set(workflow.contracts) == {"place"}
        assert workflow.resources == {Bank: ("compensation of step 'charge'",)}
        assert workflow.step_names[id(Checkout.charge)] == "charge"
        assert workflow.trigger_names[id(Checkout.place)] == "place"
        assert compiled(DailyDigest).cron_values == {"nightly": flows.yesterday}

    def test_what_is_no_workflow_class_is_refused(self) -> None:
        with pytest.raises(DeclarationError, match="int is no workflow class"):
            compiled(int)
        with pytest.raises(DeclarationError, match="Workflow is no workflow class"):
            compiled(Workflow)


class Audited(Workflow, abstract=True, queue="slow"):
    audit = step(flows.tell_customer)


class Mixin:
    record = step(flows.tell_customer)


class TestNames:
    def test_steps_of_an_abstract_base_are_inherited_with_its_queue(self) -> None:
        class Child(Audited, name="child"):
            go = trigger.manual(Order)
            first = step(flows.reserve_stock)
            transitions = (first.ok.to(Audited.audit),)

        assert edges(Child) == [("first", "ok", "audit")]
        assert Child.definition.queue == "slow"

    def test_rebinding_a_step_redirects_inherited_transitions(self) -> None:
        class Parent(Workflow, name="parent"):
            go = trigger.manual(Order)
            first: AnyStep = step(flows.reserve_stock)
            second = step(flows.ship_order)
            transitions = sequence(first, second)

        class Child(Parent, name="rebinding-child"):
            first = step(flows.charge_card)

        assert edges(Child) == [("first", "ok", "second")]
        assert step_of(Child, "first").parameters == (Parameter(name="order_id"), Parameter(name="amount"))
        assert [item.name for item in Child.definition.steps] == ["first", "second"]
        workflow = compiled(Child)
        assert workflow.step_names[id(Parent.first)] == "first"
        assert workflow.step_names[id(Child.first)] == "first"
        assert workflow.trigger_names[id(Parent.go)] == "go"

    def test_a_step_may_be_rebound_to_nothing(self) -> None:
        class Parent(Workflow, abstract=True):
            go = trigger.manual(Order)
            first: Any = step(flows.reserve_stock)
            second = step(flows.ship_order)

        class Child(Parent, name="smaller-child"):
            first = None

        assert [item.name for item in Child.definition.steps] == ["second"]

    def test_a_mixin_need_not_be_a_workflow(self) -> None:
        class WithMixin(Mixin, Workflow, name="with-mixin"):
            go = trigger.manual(Order)
            one = step(flows.ship_order)
            transitions = one.ok.to(Mixin.record)

        assert edges(WithMixin) == [("one", "ok", "record")]

    def test_workflows_may_share_a_step_under_different_names(self) -> None:
        class Shared(Workflow, name="shared"):
            go = trigger.manual(Order)
            post = Checkout.ship

        assert compiled(Shared).step_names[id(Checkout.ship)] == "post"
        assert compiled(Checkout).step_names[id(Checkout.ship)] == "ship"

    def test_a_step_may_have_a_durable_name_of_its_own(self) -> None:
        class Renamed(Workflow, name="renamed"):
            go = trigger.manual(Order)
            new_name = step(flows.reserve_stock, name="old-name")
            then = step(flows.ship_order)
            transitions = sequence(new_name, then)

        assert edges(Renamed) == [("old-name", "ok", "then")]
        assert compiled(Renamed).step_names[id(Renamed.new_name)] == "old-name"

    def test_a_class_in_a_module_has_its_qualified_name(self) -> None:
        assert Named.definition.name == "tests.authoring.test_workflows.Named"


class Named(Workflow):
    go = trigger.manual(Order)
    only = step(flows.ship_order)


class TestVariants:
    def test_using_changes_options_and_keeps_the_body(self) -> None:
        class Variants(Workflow, name="variants"):
            go = trigger.manual(Order)
            first = Checkout.reserve.using(retry=2, compensate=None)
            second = first.using(output="again")
            transitions = sequence(first, second)

        assert Variants.first.body is Checkout.reserve.body
        first, second = step_of(Variants, "first"), step_of(Variants, "second")
        assert first.retry is not None
        assert (first.retry.max_attempts, first.compensate, first.output) == (2, None, None)
        assert second.output == "again"
        assert second.retry == first.retry

    def test_an_unknown_option_is_refused_with_a_guess(self) -> None:
        options: dict[str, Any] = {"retries": 3}
        with pytest.raises(DeclarationError, match=r"no option retries=; did you mean retry=\?"):
            Checkout.reserve.using(**options)
        with pytest.raises(DeclarationError, match="no option retries="):
            step(flows.ship_order, **options)


class TestDeclaringInPlace:
    def test_a_decorated_function_takes_no_self(self) -> None:
        class InPlace(Workflow, name="in-place"):
            go = trigger.manual(Order)

            @step(retry=3, output="stock")
            @staticmethod
            def reserve(order_id: str) -> dict[str, str]:
                return {"held": order_id}

            @step
            @staticmethod
            def ship(stock: dict[str, str], ctx: StepContext) -> None:
                del stock, ctx

            transitions = sequence(reserve, ship)

        assert step_of(InPlace, "reserve").parameters == (Parameter(name="order_id"),)
        assert step_of(InPlace, "ship").parameters == (Parameter(name="stock"),)
        assert InPlace.reserve("o1") == {"held": "o1"}

    def test_it_need_not_say_that_it_is_static(self) -> None:
        def ship(order_id: str) -> None:
            del order_id

        members = {"go": trigger.manual(Order), "ship": step(retry=3)(ship)}
        workflow = compiled(type("Bare", (Workflow,), members, name="bare"))
        assert workflow.bodies["ship"].function is ship


class TestBodies:
    def test_any_callable_is_a_body(self) -> None:
        class Desk:
            def pack(self, order_id: str) -> None:
                del order_id

            async def __call__(self, order_id: str) -> None:
                del order_id

        def weigh(order_id: str, scale: str, limit: int) -> None:
            del order_id, scale, limit

        class Kinds(Workflow, name="kinds"):
            go = trigger.manual(Order)
            method = step(Desk().pack)
            instance = step(Desk())
            filled = step(partial(weigh, scale="big", limit=3))
            transitions = sequence(method, instance, filled)

        takes_order = (Parameter(name="order_id"),)
        assert [item.parameters for item in Kinds.definition.steps] == [takes_order] * 3
        bodies = compiled(Kinds).bodies
        assert [bodies[name].is_async for name in ("method", "instance", "filled")] == [False, True, False]

    def test_everything_is_taken_by_two_stars(self) -> None:
        def anything(**context: object) -> None:
            del context

        class Wide(Workflow, name="wide"):
            go = trigger.manual(Order)
            only = step(anything)

        assert step_of(Wide, "only").parameters is None


class TestDeclarationsAreNotValues:
    def test_a_workflow_class_cannot_be_instantiated(self) -> None:
        with pytest.raises(TypeError, match=r"squidie.start\(RingErrand, \{\.\.\.\}\)") as caught:
            cast("Any", RingErrand)()
        assert isinstance(caught.value, SquidieError)

    @pytest.mark.parametrize(
        "declaration",
        [
            RingErrand.pack,
            RingErrand.pack.ok,
            RingErrand.pack.ok.to(end),
            RingErrand.leave_shire,
            where("a.b"),
            where("a.b").equals(1),
        ],
    )
    def test_declarations_have_no_truth_value(self, declaration: object) -> None:
        with pytest.raises(TypeError):
            bool(declaration)

    def test_calling_a_step_calls_its_body(self) -> None:
        assert RingErrand.choose("Sam", "approved") == {"decision": "auto"}

    def test_calling_a_built_in_says_that_it_has_no_body(self) -> None:
        with pytest.raises(DeclarationError, match="without a body"):
            RingErrand.hide()

    def test_reprs_name_the_thing_and_its_place(self) -> None:
        assert repr(end) == "end"
        assert repr(RingErrand.pack).startswith("<step pack_provisions at flows.py:")
        assert repr(RingErrand.hide).startswith("<step.pause at flows.py:")
        assert repr(RingErrand.leave_shire).startswith("<trigger.manual(Errand) at flows.py:")
        assert repr(RingErrand.pack.ok).endswith(">.ok")
        assert " to end at test_workflows.py:" in repr(RingErrand.pack.ok.to(end))
        assert repr(where("a.b").greater_than(3)) == "where('a.b').greater_than(3)"
        assert repr(compiled(RingErrand)).startswith("<CompiledWorkflow ring-errand ")
        assert repr(compiled(RingErrand).bodies["pack"]) == "<Body pack_provisions of step 'pack'>"
        assert repr(compiled(RingErrand).contracts["leave_shire"]) == (
            "<PayloadContract Errand of trigger 'leave_shire'>"
        )
