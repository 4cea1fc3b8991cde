"""A workflow class made ready for the runtime: its plan, its bodies, its payload contracts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from squidie_core.authoring.bodies import Body
from squidie_core.authoring.building import Built
from squidie_core.authoring.checking import check
from squidie_core.authoring.collecting import Declaration
from squidie_core.authoring.mistakes import DeclarationError
from squidie_core.authoring.payloads import PayloadContract
from squidie_core.authoring.step_options import compensation_body, compensation_retry, retry_of
from squidie_core.authoring.steps import AnyStep
from squidie_core.authoring.triggers import Trigger, Window
from squidie_core.dataclass import record
from squidie_core.definition.model import Definition
from squidie_core.definition.plan import Plan


@record(frozen=True, slots=True, eq=False)
class CompiledWorkflow:
    """Everything the runtime asks of a workflow class. Immutable; made once per class by `compiled`."""

    workflow: type
    plan: Plan
    steps: Mapping[str, AnyStep]
    bodies: Mapping[str, Body]
    """By step name; built-ins have none."""
    compensations: Mapping[str, Body]
    """By the name of the step that they undo."""
    triggers: Mapping[str, Trigger[Any]]
    contracts: Mapping[str, PayloadContract]
    """By trigger name."""
    resources: Mapping[type, tuple[str, ...]]
    """The resource types that must be registered, and the places that need each."""
    step_names: Mapping[int, str]
    """By `id(step)`; also of steps that a subclass has rebound."""
    trigger_names: Mapping[int, str]
    """By `id(trigger)`."""

    @property
    def name(self) -> str:
        """The workflow's durable name."""
        return self.plan.definition.name

    @property
    def definition(self) -> Definition:
        """What the class compiles to."""
        return self.plan.definition

    @property
    def text(self) -> str:
        """The definition's canonical text."""
        return self.plan.text

    @property
    def fingerprint(self) -> str:
        """The name of this text."""
        return self.plan.fingerprint

    @property
    def cron_values(self) -> Mapping[str, Callable[[Window], Any]]:
        """What makes the payload of a window, by the name of the cron trigger."""
        return {
            name: trigger.cron.values
            for name, trigger in self.triggers.items()
            if trigger.cron is not None and trigger.cron.values is not None
        }

    def __repr__(self) -> str:
        return f"<CompiledWorkflow {self.name} {self.fingerprint[:12]}>"


def compiled(workflow: type) -> CompiledWorkflow:
    """The workflow class, compiled once. Raises DefinitionError; DeclarationError for what is no such class.

    Annotations are resolved now: by this time a module has everything it names.
    """
    declared = _declaration(workflow)
    known = declared.cache.get("compiled")
    if known is None:
        known = declared.cache.setdefault("compiled", _compile(declared))
    return cast("CompiledWorkflow", known)


def definition_of(workflow: type) -> Definition:
    """What the workflow class compiles to. Raises as `compiled` does."""
    return compiled(workflow).definition


def _declaration(workflow: type) -> Declaration:
    declared = getattr(workflow, "declaration_", None)
    if isinstance(declared, Declaration) and declared.workflow is workflow and not declared.abstract:
        return declared
    name = getattr(workflow, "__name__", repr(workflow))
    hint = "it is abstract; subclass it" if isinstance(declared, Declaration) else f"class {name}(Workflow): ..."
    raise DeclarationError(f"{name} is no workflow class to run: {hint}")


def _compile(declared: Declaration) -> CompiledWorkflow:
    built = check(declared, final=True)
    bodies = {name: _body(built, name, declared.steps[name]) for name in built.signatures}
    compensations = {
        name: Body(
            name,
            compensation_body(step.options.compensate),
            retry=compensation_retry(step),
            what="compensation of step",
        )
        for name, step in declared.steps.items()
        if step.options.compensate is not None
    }
    contracts = {name: PayloadContract(name, contract) for name, contract in built.contracts.items()}
    return CompiledWorkflow(
        workflow=declared.workflow,
        plan=Plan(built.definition),
        steps=dict(declared.steps),
        bodies=bodies,
        compensations=compensations,
        triggers=dict(declared.triggers),
        contracts=contracts,
        resources=_resources([*bodies.values(), *compensations.values()]),
        step_names=dict(declared.step_names),
        trigger_names=dict(declared.trigger_names),
    )


def _body(built: Built, name: str, step: AnyStep) -> Body:
    function = step.body
    if function is None:
        raise AssertionError(name)
    return Body(
        name,
        function,
        output=step.options.output,
        retry=retry_of(step.options.retry),
        signature=built.signatures[name],
    )


def _resources(bodies: list[Body]) -> dict[type, tuple[str, ...]]:
    needed: dict[type, tuple[str, ...]] = {}
    for body in bodies:
        for item in body.resources:
            if item.required:
                needed[item.kind] = (*needed.get(item.kind, ()), body.place)
    return needed
