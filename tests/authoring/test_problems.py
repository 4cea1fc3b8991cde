"""Every mistake in a workflow class is reported once, where it was made, with code to paste."""

# pyright: reportUnusedClass=false
# These classes are refused when they are made.

from __future__ import annotations

import inspect
import math
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import InitVar, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict

import pytest

from squidie_core.authoring import (
    AnyStep,
    Backoff,
    Deadline,
    Resource,
    Retry,
    StepContext,
    Workflow,
    compiled,
    end,
    sequence,
    step,
    trigger,
    where,
)
from squidie_core.errors import DefinitionError, Problem

if TYPE_CHECKING:
    from tests.authoring.flows import Bank


@dataclass
class Order:
    order_id: str
    amount: int = 1


class Route(TypedDict):
    decision: str


@dataclass
class Parcel:
    number: str
    route: Route


def run(order_id: str) -> None:
    del order_id


def undo() -> None:
    pass


def route() -> Route:
    return {"decision": "auto"}


def loose() -> dict[str, Any]:
    return {}


async def wait_for(order_id: str) -> None:
    del order_id


wrong: Any = object()
"""What a type checker would have refused."""


class Case(NamedTuple):
    code: str
    place: str
    hint: str
    declare: Callable[[], object]


CASES: list[Case] = []


def case(code: str, place: str, hint: str) -> Callable[[Callable[[], object]], None]:
    """Register a class that has this problem and no other."""

    def register(declare: Callable[[], object]) -> None:
        CASES.append(Case(code, place, hint, declare))

    return register


# The class itself


@case("unknown_class_keyword", "workflow Bad", "did you mean 'name'?")
def _() -> None:
    keywords: dict[str, Any] = {"nmae": "x", "name": "bad"}

    class Bad(Workflow, **keywords):
        go = trigger.manual(Order)
        only = step(run)


@case("invalid_workflow_name", "workflow Bad", 'class Bad(Workflow, name="bad")')
def _() -> None:
    class Bad(Workflow):
        go = trigger.manual(Order)
        only = step(run)


@case("invalid_workflow_name", "workflow SomethingBad", 'name="something-bad"')
def _() -> None:
    namespace = {"__module__": "__main__", "go": trigger.manual(Order), "only": step(run)}
    type("SomethingBad", (Workflow,), namespace)


@case("invalid_workflow_name", "workflow Bad", 'name="ring-errand"')
def _() -> None:
    class Bad(Workflow, name="a:b"):
        go = trigger.manual(Order)
        only = step(run)


@case("invalid_workflow_name", "workflow Bad", 'name="..."')
def _() -> None:
    class Bad(Workflow, name=wrong):
        go = trigger.manual(Order)
        only = step(run)


@case("invalid_definition_version", "workflow Bad", 'version="1"')
def _() -> None:
    class Bad(Workflow, name="bad", version=" "):
        go = trigger.manual(Order)
        only = step(run)


@case("invalid_definition_version", "workflow Bad", 'version="..."')
def _() -> None:
    class Bad(Workflow, name="bad", version=wrong):
        go = trigger.manual(Order)
        only = step(run)


@case("invalid_queue", "workflow Bad", 'queue="default"')
def _() -> None:
    class Bad(Workflow, name="bad", queue="a queue"):
        go = trigger.manual(Order)
        only = step(run)


@case("invalid_on_drift", "workflow Bad", 'on_drift="continue"')
def _() -> None:
    keywords: dict[str, Any] = {"on_drift": "explode"}

    class Bad(Workflow, name="bad", **keywords):
        go = trigger.manual(Order)
        only = step(run)


@case("missing_triggers", "workflow Bad", "start = trigger.manual()")
def _() -> None:
    class Bad(Workflow, name="bad"):
        only = step(undo)


@case("missing_steps", "workflow Bad", "pack = step(pack_provisions)")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)


@case("undeclared_step", "attribute 'pack'", "@step()\ndef pack(...)")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        only = step(run)

        def pack(self) -> None:
            pass


@case("undeclared_step", "attribute 'pack'", "@step()\ndef pack(...)")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        only = step(run)

        @staticmethod
        def pack() -> None:
            pass


@case("misplaced_transition", "attribute 'route'", "transitions = (..., a.ok.to(b))")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        only = step(run)
        route = only.ok.to(end)


@case("reserved_name", "step 'definition'", "definition_step = step(...)")
def _() -> None:
    namespace = {"go": trigger.manual(Order), "definition": step(run)}
    type("Bad", (Workflow,), namespace, name="bad")


# Names


@case("duplicate_step_binding", "step 'second'", "second = Bad.first.using()")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        first = step(run)
        second = first
        transitions = first.ok.to(end)


@case("duplicate_step_binding", "step 'second'", ".using()")
def _() -> None:
    class Parent(Workflow, abstract=True):
        first: AnyStep = step(run)

    class Bad(Parent, name="bad"):
        go = trigger.manual(Order)
        first = step(wait_for)
        second = Parent.first
        transitions = first.ok.to(second)


@case("duplicate_step_name", "step 'pack'", "another name=")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        pack = step(run)
        other = step(run, name="pack")


@case("duplicate_trigger_binding", "trigger 'start'", "start = trigger.manual(...)")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        start = go
        only = step(run)


@case("invalid_step_name", "step 'a:b'", 'name="pack"')
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        only = step(run, name="a:b")


@case("invalid_step_name", "step '_hidden'", 'name="pack"')
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        _hidden = step(run)


@case("invalid_step_name", "step 'only'", 'name="pack"')
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        only = step(run, name=wrong)


@case("invalid_trigger_name", "trigger '_go'", "go = trigger.manual(...)")
def _() -> None:
    class Bad(Workflow, name="bad"):
        _go = trigger.manual(Order)
        only = step(run)


# Triggers


@case("invalid_payload_contract", "trigger 'go'", "trigger.manual(order_id=str, amount=int)")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(dict[str, int])
        only = step(undo)


@case("invalid_payload_contract", "trigger 'go'", "trigger.manual(order_id=str, amount=int)")
def _() -> None:
    @dataclass
    class Secretive:
        order_id: str
        key: InitVar[str]

    class Bad(Workflow, name="bad"):
        go = trigger.manual(Secretive)
        only = step(undo)


@case("invalid_payload_contract", "trigger 'go'", "trigger.manual(order_id=str, amount=int)")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(order_id="str")
        only = step(undo)


@case("reserved_name", "trigger 'go'", "order_error")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(error=str)
        only = step(undo)


@case("conflicting_payload_field", "trigger 'by_hand'", "one type")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        by_hand = trigger.manual(order_id=int)
        only = step(run)


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("0 21 * *", "it has 4 fields"),
        ("60 * * * *", "its minute '60' is not 0 to 59"),
        ("0 24 * * *", "its hour '24' is not 0 to 23"),
        ("0 0 0 * *", "its day '0' is not 1 to 31"),
        ("0 0 * jum *", "its month 'jum' is not 1 to 12 or jan to dec"),
        ("0 0 * * 8", "its weekday '8' is not 0 to 7 or sun to sat"),
        ("0 0 * * fri-mon", "runs backwards"),
        ("*/0 * * * *", "its minute '0' is not 1 to 59"),
        ("1,,2 * * * *", "its minute '' is not"),
        ("0 0 30 2 *", "never comes"),
        ("", "it has 0 fields"),
    ],
)
def test_a_cron_expression_that_cannot_be_is_refused(expression: str, problem: str) -> None:
    class_of: dict[str, Any] = {"go": trigger.cron(expression), "only": step(undo)}
    with pytest.raises(DefinitionError) as caught:
        type("Bad", (Workflow,), class_of, name="bad")
    (found,) = caught.value.problems
    assert (found.code, found.place) == ("invalid_cron_expression", "trigger 'go'")
    assert problem in found.message


@case("invalid_cron_expression", "trigger 'go'", 'trigger.cron("0 21 * * *")')
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.cron(wrong)
        only = step(undo)


@case("invalid_cron_timezone", "trigger 'go'", "did you mean 'Europe/Berlin'?")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.cron("0 21 * * *", timezone="Europe/Berln")
        only = step(undo)


@case("invalid_cron_timezone", "trigger 'go'", 'timezone="UTC"')
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.cron("0 21 * * *", timezone="../../etc/passwd")
        only = step(undo)


@case("invalid_cron_idempotency", "trigger 'go'", 'idempotency="return_existing_run"')
def _() -> None:
    options: dict[str, Any] = {"idempotency": "sometimes"}

    class Bad(Workflow, name="bad"):
        go = trigger.cron("0 21 * * *", **options)
        only = step(undo)


@case("missing_cron_values", "trigger 'go'", "values=lambda window: Order(order_id=...)")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.cron("0 21 * * *", Order)
        only = step(run)


@case("invalid_trigger_config", "trigger 'go'", "values=lambda window: Order(...)")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.cron("0 21 * * *", Order, values=wrong)
        only = step(run)


# Bodies


@case("step_is_a_class", "step 'only'", "step(Packer())")
def _() -> None:
    class Packer:
        def __call__(self) -> None:
            pass

    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        only = step(Packer)


@case("invalid_step_body", "step 'only'", "step(a_function)")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        only = step(wrong)


@case("invalid_step_body", "step 'pack'", "step(a_function, ...)")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        pack = step(retry=3)
        only = step(run)


@case("invalid_step_body", "step 'only'", "return list(...)")
def _() -> None:
    def many() -> Iterator[int]:
        yield 1

    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        only = step(many)


@case("invalid_step_body", "step 'only'", "return list(...)")
def _() -> None:
    async def many() -> AsyncIterator[int]:
        yield 1

    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        only = step(many)


@case("invalid_step_body", "step 'only'", "wrap it")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        only = step(wrong_signature())


@case("positional_parameter", "step 'only'", "def body(order_id)")
def _() -> None:
    def body(order_id: str, /) -> None:
        del order_id

    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        only = step(body)


@case("positional_parameter", "step 'only'", "def body(items)")
def _() -> None:
    def body(*items: str) -> None:
        del items

    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        only = step(body)


@case("unresolved_resource", "step 'only'", "at module level")
def _() -> None:
    def body(bank: Resource[Bank]) -> None:
        del bank

    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        only = step(body)

    compiled(Bad)


@case("missing_step_output", "step 'only'", 'output="only"')
def _() -> None:
    def count() -> int:
        return 1

    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        only = step(count)


# Options of a step


@case("invalid_step_input_mapping", "step 'only'", 'input={"parameter": "path.in.context"}')
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        only = step(run, input=wrong)


@case("invalid_step_input_mapping", "step 'only'", 'input={"order_id": "path.in.context"}')
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        only = step(run, input={"order_id": wrong})


@case("invalid_step_input_mapping", "step 'only'", 'input={"order_id": "path.in.context"}')
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        only = step(run, input={"order_id": "a..b"})


@case("unknown_input_target", "step 'only'", "did you mean 'order_id'?")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        only = step(run, input={"order": "order_id"})


@case("unknown_input_target", "step 'only'", "def only(ctx): ...")
def _() -> None:
    def body(ctx: StepContext) -> None:
        del ctx

    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        only = step(body, input={"ctx": "order_id"})


@case("invalid_step_output_mapping", "step 'only'", 'output="only"')
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        only = step(run, output="a.b")


@case("invalid_step_output_mapping", "step 'only'", 'output="provisions"')
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        only = step(run, output=wrong)


@case("reserved_name", "step 'only'", 'output="only_error"')
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        only = step(run, output="error")


@case("invalid_step_retry_opts", "step 'only'", "retry=Retry(3, Backoff(min=1, max=30))")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        only = step(run, retry=wrong)


@case("invalid_step_retry_opts", "step 'only'", "retry_on=(ConnectionError,)")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        only = step(run, retry=Retry(retry_on=(wrong,)))


@case("invalid_step_retry_opts", "step 'only'", "give_up_on=(ConnectionError,)")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        only = step(run, retry=Retry(give_up_on=wrong))


@case("invalid_step_retry_max_attempts", "step 'only'", "retry=Retry(3)")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        only = step(run, retry=0)


@case("invalid_step_retry_max_attempts", "step 'only'", "retry=Retry(3)")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        only = step(run, retry=Retry(wrong))


@pytest.mark.parametrize(
    ("backoff", "problem"),
    [
        (Backoff(min=30, max=1), "min is above max"),
        (Backoff(min=-1), "min must not be negative"),
        (Backoff(min=0), "must both be above 0"),
        (Backoff(max=math.inf), "max must be finite"),
        (Backoff(max=wrong), "max must be a timedelta or a number of seconds"),
        (Backoff(factor=0.5), "factor must be at least 1"),
        (Backoff(factor=math.nan), "factor must be a finite number"),
        (Backoff(factor=wrong), "factor must be a finite number"),
        (wrong, "backoff is a object"),
    ],
)
def test_a_backoff_that_cannot_be_is_refused(backoff: Backoff, problem: str) -> None:
    with pytest.raises(DefinitionError) as caught:

        class Bad(Workflow, name="bad"):
            go = trigger.manual(Order)
            only = step(run, retry=Retry(3, backoff))

    (found,) = caught.value.problems
    assert (found.code, found.hint) == ("invalid_step_retry_backoff", "retry=Retry(3, Backoff(min=1, max=30))")
    assert problem in found.message


@pytest.mark.parametrize(
    ("deadline", "problem"),
    [
        (Deadline(within=0), "within must be above 0"),
        (Deadline(within=timedelta(seconds=-1)), "within must not be negative"),
        (Deadline(within=math.nan), "within must be finite"),
        (Deadline(within=True), "within must be a timedelta"),
        (Deadline(within=1e300), "within is too long"),
        (Deadline(within=60, due_soon=60), "due_soon must be less than within"),
        (Deadline(within=60, escalate_after=-1), "escalate_after must not be negative"),
        (Deadline(within=60, escalation=wrong), "escalation is one of"),
        (wrong, "deadline= is a object"),
    ],
)
def test_a_deadline_that_cannot_be_is_refused(deadline: Deadline, problem: str) -> None:
    with pytest.raises(DefinitionError) as caught:

        class Bad(Workflow, name="bad"):
            go = trigger.manual(Order)
            only = step(run, deadline=deadline)

    (found,) = caught.value.problems
    assert (found.code, found.hint) == ("invalid_deadline", "deadline=Deadline(within=300, due_soon=60)")
    assert problem in found.message


@case("invalid_step_timeout", "step 'only'", "timeout=30")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        only = step(run, timeout=0)


@case("invalid_max_deliveries", "step 'only'", "max_deliveries=5")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        only = step(run, max_deliveries=0)


@case("invalid_max_deliveries", "step 'only'", "max_deliveries=5")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        only = step(run, max_deliveries=wrong)


@case("invalid_step_recovery_marker", "step 'only'", "irreversible=True")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        only = step(run, irreversible=wrong)


@case("conflicting_step_recovery_markers", "step 'only'", "leave compensatable= out")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        only = step(run, irreversible=True, compensatable=True)


@case("conflicting_step_compensation", "step 'only'", "leave irreversible= or compensate= out")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        only = step(run, irreversible=True, compensate=undo)


@case("conflicting_step_compensation", "step 'only'", "leave compensatable= or compensate= out")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        only = step(run, compensatable=False, compensate=undo)


@case("invalid_step_compensate_callback", "step 'only'", "compensate=cancel_ride")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        only = step(run, compensate=wrong)


@case("invalid_step_compensate_callback", "step 'only'", "compensate=cancel_ride")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        only = step(run, compensate_retry=3)


@case("invalid_step_compensate_callback", "step 'rest'", "leave compensate= out")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        rest = step.wait(5).using(compensate=undo)


@case("positional_parameter", "step 'only'", "def cancel(order_id)")
def _() -> None:
    def cancel(order_id: str, /) -> None:
        del order_id

    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        only = step(run, compensate=cancel)


@case("invalid_step_transaction_boundary", "step 'only'", "without async")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        only = step(wait_for, transaction=True)


@case("invalid_step_transaction_boundary", "step 'only'", "transaction=True")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        only = step(run, transaction=wrong)


@case("invalid_step_transaction_boundary", "step 'only'", "Transaction[")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        only = step(run, transaction=True)


@case("invalid_step_await_children", "step 'only'", "await_children=True")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        only = step(run, await_children=wrong)


@case("invalid_step_await_children", "step 'only'", "a dataclass or None")
def _() -> None:
    def count() -> int:
        return 1

    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        only = step(count, await_children=True, output="counted")


@case("invalid_step_await_children", "step 'rest'", "leave await_children= out")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        rest = step.wait(5).using(await_children=True)


@case("built_in_step_transaction", "step 'rest'", "leave transaction= out")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        rest = step.wait(5).using(transaction=True)


@case("invalid_step_retry_opts", "step 'rest'", "leave retry= out")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        rest = step.wait(5).using(retry=3)


@case("invalid_wait_duration", "step 'rest'", "step.wait(timedelta(hours=1))")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        rest = step.wait(0)


@case("invalid_wait_duration", "step 'rest'", "step.wait(timedelta(hours=1))")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        rest = step.wait(wrong)


@case("invalid_log_message", "step 'note'", 'step.log("packed")')
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        note = step.log("")


@case("invalid_log_message", "step 'note'", 'step.log("packed")')
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        note = step.log(wrong)


@case("invalid_log_level", "step 'note'", "did you mean 'warning'?")
def _() -> None:
    options: dict[str, Any] = {"level": "warn"}

    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        note = step.log("packed", **options)


# Dependencies


@case("invalid_step_dependencies", "step 'second'", "after=[first, second]")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        first = step(run)
        second = step(undo, after=wrong)
        third = step(undo, after=[first])


@case("invalid_step_dependencies", "step 'second'", "after=[first, second]")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        first = step(run)
        second = step(undo, after=[first, wrong])


@case("unknown_step_dependency", "step 'second'", "bind it in the class body")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        first = step(run)
        second = step(undo, after=[first, step(run)])


@case("self_step_dependency", "step 'first'", "leave it out of its own after=")
def _() -> None:
    class Parent(Workflow, abstract=True):
        first = step(run)

    class Bad(Parent, name="bad"):
        go = trigger.manual(Order)
        first = step(run, after=[Parent.first])


@case("dependency_cycle", "step 'second'", "leave first out of second's after=")
def _() -> None:
    class Parent(Workflow, abstract=True):
        first = step(run)
        second = step(undo, after=[first])

    class Bad(Parent, name="bad"):
        go = trigger.manual(Order)
        first = step(run, after=[Parent.second])


@case("dependency_transitions", "workflow Bad", "a.ok.to(b) for every b = step(..., after=[a])")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        first = step(run)
        second = step(undo, after=[first])
        third = step(undo)
        transitions = second.ok.to(third)


@case("manual_step_in_dependency_workflow", "step 'hold'", "transitions = sequence(..., hold, ...)")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        first = step(run)
        second = step(undo, after=[first])
        hold = step.pause()


# Transitions


@case("invalid_transition", "transitions", "*sequence(a, b, c)")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        first = step(run)
        second = step(undo)
        transitions = (first.ok.to(second), sequence(first, second))  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType, reportIncompatibleVariableOverride]  # the mistake


@case("invalid_transition", "transitions", ".ok.to(target)")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        first = step(run)
        transitions = (first.ok,)  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType, reportIncompatibleVariableOverride]  # the mistake


@case("invalid_transition", "transitions", ".ok.to(target)")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        first = step(run)
        transitions = first  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType, reportIncompatibleVariableOverride]  # the mistake


@case("invalid_transition", "transitions", "a.ok.to(b)")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        first = step(run)
        transitions = (wrong,)


@case("invalid_transition", "workflow Bad", "transitions = (a.ok.to(b), b.ok.to(c))")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        first = step(run)
        transitions = wrong


@case("unknown_transition_target", "transition first.ok -> <step undo at test_problems.py", "bind it")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        first = step(run)
        transitions = first.ok.to(step(undo))


@case("unknown_transition_target", "transition first.ok -> <'end'>", "first.ok.to(end)")
def _() -> None:
    target: Any = "end"

    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        first = step(run)
        transitions = first.ok.to(target)


@case("unknown_transition_source", "transition <step undo at test_problems.py", "bind it")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        first = step(run)
        transitions = step(undo).ok.to(first)


@case("invalid_transition_outcome", "transition hold.error -> end", "hold.ok.to(end)")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        hold = step.pause()
        transitions = hold.error.to(end)


@case("manual_step_transition_condition", "transition hold.ok -> end", "hold.ok.to(end)")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        hold = step.pause()
        transitions = hold.ok.to(end, when=where("order_id").equals("x"))


@case("missing_approval_transitions", "step 'ask'", "ask.error.to(end)")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        ask = step.approval()
        transitions = ask.ok.to(end)


@case("missing_approval_transitions", "step 'ask'", "ask.ok.to(...), ask.error.to(end)")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        ask = step.approval()


@case("invalid_transition_condition", "transition first.ok -> end", 'when=where("route.decision").equals("auto")')
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        first = step(run)
        transitions = first.ok.to(end, when=wrong)


@case("invalid_transition_condition", "transition first.ok -> end", "when=")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        first = step(run)
        transitions = first.ok.to(end, when=where("").equals(1))


@case("invalid_transition_condition", "transition first.ok -> end", "when=")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        first = step(run)
        transitions = first.ok.to(end, when=where("amount").equals({1, 2}))


@case("invalid_transition_condition", "transition first.ok -> end", "when=")
def _() -> None:
    truth: Any = True

    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        first = step(run)
        transitions = first.ok.to(end, when=where("amount").greater_than(truth))


@case("invalid_transition_recovery", "transition first.ok -> end", 'first.error.to(end, recovery="undo")')
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        first = step(run)
        transitions = first.ok.to(end, recovery="undo")


@case("invalid_transition_recovery", "transition first.error -> end", 'recovery="undo"')
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        first = step(run)
        transitions = first.error.to(end, recovery=wrong)


@case("invalid_transition_max_visits", "transition first.error -> first", "max_visits=3")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        first = step(run)
        transitions = first.error.to(first, max_visits=0)


@case("invalid_transition_max_visits", "transition first.error -> end", "max_visits=3")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        first = step(run)
        transitions = first.error.to(end, max_visits=wrong)


@case("duplicate_transition", "transition first.ok -> end", "give one of them when=")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        first = step(run)
        second = step(undo)
        transitions = (first.ok.to(second), first.ok.to(end))


@case("duplicate_transition", "transition first.ok -> end", "give one of them another when=")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        first = step(run)
        second = step(undo)
        transitions = (
            first.ok.to(second, when=where("amount").equals(1)),
            first.ok.to(end, when=where("amount").equals(1)),
        )


@case("duplicate_transition", "transition second.ok -> first", "give one of them when=")
def _() -> None:
    """A bounded transition after an unbounded one is never taken."""

    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        zero = step(undo)
        first = step(run)
        second = step(undo)
        transitions = (*sequence(zero, first, second), second.ok.to(end), second.ok.to(first, max_visits=3))


@case("transition_cycle", "transition second.ok -> first", "second.ok.to(first, max_visits=3)")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        first = step(run)
        second = step(undo)
        transitions = (first.ok.to(second), second.ok.to(first))


@case("transition_cycle", "transition first.error -> first", "first.error.to(first, max_visits=3)")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        first = step(run)
        transitions = first.error.to(first)


@case("invalid_entry_steps", "workflow Bad", "transitions = sequence(first, second)")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        first = step(run)
        second = step(undo)
        third = step(undo)
        transitions = sequence(first, third)


@case("unreachable_step", "step 'island'", "first.ok.to(island)")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        first = step(run)
        island = step(undo)
        reef = step(undo)
        transitions = (first.ok.to(end), island.ok.to(reef, max_visits=2), reef.ok.to(island))


@case("manual_step_in_dependency_workflow", "step 'hold'", "transitions = sequence(..., hold, ...)")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        first = step(run)
        hold = step.pause()


# Data


@case("unknown_input_path", "step 'second'", "did you mean 'route.decision'?")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        first = step(route, output="route")
        second = step(run, input={"order_id": "route.decisoin"})
        transitions = sequence(first, second)


@case("unknown_input_path", "step 'second'", "nothing is in 'order_id'")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        first = step(undo)
        second = step(run, input={"order_id": "order_id.number"})
        transitions = sequence(first, second)


@case("unknown_input_path", "step 'first'", "did you mean 'order_id'?")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        first = step(run, input={"order_id": "orderid"})


@case("missing_step_input", "step 'only'", "did you mean 'order_id'?")
def _() -> None:
    def body(order: str) -> None:
        del order

    class Bad(Workflow, name="bad"):
        go = trigger.manual(order_id=str)
        only = step(body)


@case("missing_step_input", "step 'only'", 'input={"error": "path.in.context"}')
def _() -> None:
    """Only a step behind a transition on error gets the failure."""

    def body(error: dict[str, Any]) -> None:
        del error

    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        only = step(body)


@case("unknown_condition_path", "transition first.ok -> end", "did you mean 'route.decision'?")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        first = step(route, output="route")
        transitions = first.ok.to(end, when=where("route.decison").equals("auto"))


@case("unknown_condition_path", "transition first.ok -> end", "there is")
def _() -> None:
    class Bad(Workflow, name="bad"):
        go = trigger.manual(Order)
        first = step(run)
        transitions = first.ok.to(end, when=where("error.code").equals("timeout"))


def wrong_signature() -> Any:
    """A callable whose signature nobody can read."""

    class Opaque:
        __signature__ = "nonsense"

        def __call__(self) -> None:
            pass

    return Opaque()


def problems_of(declare: Callable[[], object]) -> tuple[Problem, ...]:
    with pytest.raises(DefinitionError) as caught:
        declare()
    return caught.value.problems


@pytest.mark.parametrize("expected", CASES, ids=[f"{n}-{item.code}" for n, item in enumerate(CASES)])
def test_the_mistake_is_found_once_and_where_it_was_made(expected: Case) -> None:
    problems = problems_of(expected.declare)
    assert [problem.code for problem in problems] == [expected.code]
    (found,) = problems
    assert found.place.startswith(expected.place)
    assert expected.hint in found.hint
    assert found.message
    lines, first = inspect.getsourcelines(expected.declare)
    file, _, line = found.source.rpartition(":")
    assert file == __file__
    assert first <= int(line) < first + len(lines)


class TestOneError:
    def test_it_lists_all_problems_in_the_order_of_lines(self) -> None:
        with pytest.raises(DefinitionError) as caught:

            class Bad(Workflow, name="b a d", queue="?"):
                go = trigger.cron("0 25 * * *", timezone="Mars/Base")
                first = step(run, input={"order": "x"}, timeout=-1)
                ask = step.approval(output="error")
                transitions = (
                    first.ok.to(ask),
                    first.ok.to(end),
                    ask.ok.to(end, recovery="undo"),
                )

        problems = caught.value.problems
        assert [problem.code for problem in problems] == [
            "invalid_workflow_name",
            "invalid_queue",
            "invalid_cron_expression",
            "invalid_cron_timezone",
            "invalid_step_timeout",
            "unknown_input_target",
            "reserved_name",
            "missing_approval_transitions",
            "duplicate_transition",
            "invalid_transition_recovery",
        ]
        lines = [int(problem.source.rpartition(":")[2]) for problem in problems]
        assert lines == sorted(lines)
        text = str(caught.value)
        assert text.startswith(
            "Bad: 10 problems in the workflow definition\n  1. workflow Bad  [invalid_workflow_name]"
        )
        assert caught.value.details["problems"][0]["code"] == "invalid_workflow_name"

    def test_a_broken_name_is_no_reason_to_doubt_the_rest(self) -> None:
        """A transition to a step that is not bound hides neither entry nor reach: only the name is wrong."""

        def declare() -> None:
            class Bad(Workflow, name="bad"):
                go = trigger.manual(Order)
                first = step(run)
                second = step(undo)
                transitions = (first.ok.to(step(undo)), second.ok.to(end))

        assert [problem.code for problem in problems_of(declare)] == ["unknown_transition_target"]


class TestWhatIsNoMistake:
    def test_an_abstract_base_need_not_be_complete(self) -> None:
        class Base(Workflow, abstract=True):
            first = step(run)
            second = step(undo)

        assert issubclass(Base, Workflow)

    def test_an_abstract_base_is_checked_for_the_rest(self) -> None:
        def declare() -> None:
            class Base(Workflow, abstract=True):
                first = step(run, timeout=-1)

        assert [problem.code for problem in problems_of(declare)] == ["invalid_step_timeout"]

    def test_a_loop_with_a_limit(self) -> None:
        class Patient(Workflow, name="patient"):
            go = trigger.manual(Order)
            first = step(run)
            check = step(undo)
            transitions = (first.ok.to(check), check.error.to(first, max_visits=3), check.ok.to(end))

        assert Patient.definition.transitions[1].max_visits == 3

    def test_a_bounded_transition_before_an_unbounded_one(self) -> None:
        class Patient(Workflow, name="patient-too"):
            go = trigger.manual(Order)
            first = step(run)
            transitions = (first.error.to(first, max_visits=3), first.error.to(end))

        assert len(Patient.definition.transitions) == 2

    def test_paths_into_what_nobody_knows(self) -> None:
        class Loose(Workflow, name="loose"):
            go = trigger.manual(Order)
            first = step(loose)
            second = step(run, input={"order_id": "any.where"})
            transitions = sequence(first, second)

        assert Loose.definition.steps[1].input[0].path == ("any", "where")

    def test_the_failure_behind_a_transition_on_error(self) -> None:
        def mend(error: dict[str, Any], order_id: str) -> None:
            del error, order_id

        class Mending(Workflow, name="mending"):
            go = trigger.manual(Order)
            first = step(run)
            mend_it = step(mend)
            transitions = (
                first.error.to(mend_it, when=where("error.code").equals("timeout")),
                first.ok.to(end),
            )

        assert len(Mending.definition.transitions) == 2

    def test_deep_paths_through_dataclasses_and_decisions(self) -> None:
        def parcel() -> Parcel:
            return Parcel("1", {"decision": "auto"})

        def take(decision: str, by: str) -> None:
            del decision, by

        class Deep(Workflow, name="deep"):
            go = trigger.manual(Order)
            first = step(parcel)
            ask = step.approval()
            last = step(take, input={"decision": "route.decision", "by": "actor.name"})
            transitions = (*sequence(first, ask, last), ask.error.to(end))

        assert len(Deep.definition.steps) == 3

    def test_a_resource_that_only_becomes_known_later(self) -> None:
        def body(bank: Resource[Later]) -> None:
            del bank

        class Early(Workflow, name="early"):
            go = trigger.manual(Order)
            only = step(body)

        assert list(compiled(Early).resources) == [Later]


class Later:
    pass
