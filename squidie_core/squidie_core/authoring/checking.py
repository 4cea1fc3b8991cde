"""The one pass that refuses a workflow class: the rules for definitions, and those that need Python objects."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from squidie_core.authoring.building import Built, build
from squidie_core.authoring.collecting import Declaration, default_name
from squidie_core.authoring.report import Report
from squidie_core.authoring.shapes import has_no_names, shape_of
from squidie_core.authoring.signatures import Fault, Signature, read_signature
from squidie_core.authoring.step_options import compensation_body
from squidie_core.authoring.steps import AnyStep, body_name
from squidie_core.definition.findings import Sources
from squidie_core.definition.paths import Knowledge, Shape, merged
from squidie_core.definition.validation import validate
from squidie_core.errors import DefinitionError

_TRANSACTION = "invalid_step_transaction_boundary"


def check(declared: Declaration, *, final: bool = False) -> Built:
    """Build the definition and check everything. Raises DefinitionError with every problem there is.

    `final`: the names in annotations must be known by now.
    """
    report = Report(declared.report.problems)
    built = build(declared, report)
    if not declared.abstract:
        _check_default_name(declared, report)
    for name, step in declared.steps.items():
        if step.kind == "run":
            _Bodies(report, name, step, final=final).check(built.signatures[name])
    _check_triggers(declared, built, report)
    report.join(validate(built.definition, _sources(declared), known=_knowledge(built), complete=not declared.abstract))
    problems = report.sorted()
    if problems:
        raise DefinitionError(declared.workflow.__name__, problems)
    return built


def _check_default_name(declared: Declaration, report: Report) -> None:
    cls = declared.workflow
    if declared.name != default_name(cls) or report.has("invalid_workflow_name"):
        return
    problem = ""
    if cls.__module__ == "__main__":
        problem = "its name would be that of a script, which is another in each process"
    elif "<locals>" in cls.__qualname__:
        problem = "its name would be that of a place inside a function"
    if problem:
        words = "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in cls.__name__)
        hint = f'class {cls.__name__}(Workflow, name="{words.strip("-_")}")'
        report.add("invalid_workflow_name", declared.place, problem, hint, declared.source)


class _Bodies:
    """What is wrong with the callables of one step."""

    def __init__(self, report: Report, name: str, step: AnyStep, *, final: bool) -> None:
        self.report = report
        self.name = name
        self.step = step
        self.final = final

    def check(self, read: Signature) -> None:
        body: Any = self.step.body
        if inspect.isclass(body):
            message = f"{body.__name__} is a class, and a step is something to call"
            self.add("step_is_a_class", message, f"step({body.__name__}())")
            return
        if not callable(body):
            self.add("invalid_step_body", f"a {type(body).__name__} cannot be called", "step(a_function)")
            return
        self.check_callable(body, read, "its body")
        self.check_result(read)
        self.check_transaction(body, read)
        compensate = compensation_body(self.step.options.compensate)
        if callable(compensate) and not inspect.isclass(compensate):
            own = read_signature(compensate)
            self.check_callable(compensate, own, "its compensation")
            if own.transactions:
                message = "its compensation takes a transaction, and runs in none"
                self.add(_TRANSACTION, message, f"def {body_name(compensate)}(...): without Transaction[...]")

    def check_callable(self, function: Callable[..., Any], read: Signature, what: str) -> None:
        for fault in self.relevant(read.faults):
            self.add(fault.code, f"{what} {body_name(function)}: {fault.message}", fault.hint)
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            message = f"{what} {body_name(function)} is a generator; return what it should give"
            self.add("invalid_step_body", message, "return list(...)")

    def relevant(self, faults: list[Fault]) -> list[Fault]:
        return [fault for fault in faults if self.final or fault.code != "unresolved_resource"]

    def check_transaction(self, body: Callable[..., Any], read: Signature) -> None:
        declared = self.step.options.transaction is True
        if declared and read.is_async:
            message = "a coroutine cannot take part in the store's transaction"
            self.add(_TRANSACTION, message, f"def {body_name(body)}(...): without async")
        elif declared and not read.transactions:
            message = "it says transaction=True, and its body does not take the transaction"
            self.add(_TRANSACTION, message, f"def {body_name(body)}(..., tx: Transaction[sqlalchemy.Connection])")
        elif read.transactions and not declared:
            message = "its body takes a transaction, and it does not say that it runs in one"
            self.add(_TRANSACTION, message, "transaction=True")

    def check_result(self, read: Signature) -> None:
        if self.step.options.await_children is True and has_no_names(read.returns):
            message = "its body returns a value beside which the results of its children cannot stand"
            self.add("invalid_step_await_children", message, "return a dict, a dataclass or None")
        elif self.step.options.output is None and has_no_names(read.returns):
            message = "its body returns a value that has no name in the context"
            self.add("missing_step_output", message, f'output="{self.name}"')

    def add(self, code: str, message: str, hint: str) -> None:
        self.report.add(code, f"step {self.name!r}", message, hint, self.step.source)


def _check_triggers(declared: Declaration, built: Built, report: Report) -> None:
    for name, trigger in declared.triggers.items():
        contract, place = built.contracts[name], f"trigger {name!r}"
        if contract.fault:
            hint = "trigger.manual(order_id=str, amount=int)"
            report.add("invalid_payload_contract", place, contract.fault, hint, trigger.source)
        if trigger.cron is None:
            continue
        required = [item.name for item in contract.fields if item.required]
        values: Any = trigger.cron.values
        if values is not None and not callable(values):
            message = f"values= is a {type(values).__name__}, not something to call"
            hint = f"values=lambda window: {contract.name or 'dict'}(...)"
            report.add("invalid_trigger_config", place, message, hint, trigger.source)
        elif values is None and required:
            message = f"the clock gives no values, and its payload requires {', '.join(required)}"
            given = ", ".join(f"{item}=..." for item in required)
            hint = f"values=lambda window: {contract.name}({given})"
            report.add("missing_cron_values", place, message, hint, trigger.source)


def _sources(declared: Declaration) -> Sources:
    return Sources(
        label=declared.workflow.__name__,
        workflow=str(declared.source),
        triggers={name: str(trigger.source) for name, trigger in declared.triggers.items()},
        steps={name: str(step.source) for name, step in declared.steps.items()},
        transitions=[str(item.source) for item in declared.transitions],
    )


def _knowledge(built: Built) -> Knowledge:
    payload: dict[str, Shape | None] = {}
    for contract in built.contracts.values():
        for item in contract.fields:
            shape = shape_of(item.annotation)
            payload[item.name] = shape if item.name not in payload else merged([payload[item.name], shape])
    results = {name: shape_of(signature.returns) for name, signature in built.signatures.items()}
    return Knowledge(results, payload)
