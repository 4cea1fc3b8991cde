"""What this process knows: the workflows that it was given, and the stored definitions that runs are pinned to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import copy
from typing import TYPE_CHECKING, Any

from squidie_core.authoring import Body, CompiledWorkflow, Step, Trigger, Workflow, compiled, handle_type
from squidie_core.definition.plan import Plan
from squidie_core.errors import Corrupt, NotFoundError, NotSupported, OptionError
from squidie_core.journal.entries import RunnableKind
from squidie_core.ports.storage import Storage
from squidie_core.ports.transactions import host_transactions
from squidie_core.state import RunnableState
from squidie_core.state.index import need_of

if TYPE_CHECKING:
    from squidie_core.authoring.dynamic import ActionMap
    from squidie_core.runtime.actions import Actions


def wants_code(runnable: RunnableState) -> bool:
    """Whether the runnable is executed by code of the application's."""
    return runnable.kind == "run" or runnable.kind == "compensation"  # noqa: PLR1714  # twice as fast


class Catalog:
    """Workflows by name and definitions by fingerprint. Safe to use from any thread: its tables only grow."""

    def __init__(
        self, workflows: Iterable[type[Workflow]], resources: Mapping[type, object], actions: ActionMap | None = None
    ) -> None:
        self.resources = dict(resources)
        self.actions = _actions(actions, self.resources) if actions else None
        self.workflows: dict[str, CompiledWorkflow] = {}
        self._plans: dict[str, Plan] = {}
        self._stored: set[str] = set()
        for workflow in workflows:
            self._register(compiled(workflow))
        self._offers = {
            (threads, coroutines): (
                *_offers(self.workflows.values(), threads=threads, coroutines=coroutines),
                *(() if self.actions is None else self.actions.offers(threads=threads, coroutines=coroutines)),
            )
            for threads in (False, True)
            for coroutines in (False, True)
        }
        self._everything = frozenset(self._offers[True, True])

    def _register(self, workflow: CompiledWorkflow) -> None:
        known = self.workflows.setdefault(workflow.name, workflow)
        if known is not workflow:
            raise OptionError(
                f"workflows names {workflow.name!r} twice; give one of the classes another name=",
                details={"option": "workflows", "workflow": workflow.name},
            )
        self._plans[workflow.fingerprint] = workflow.plan
        self._check_resources(workflow)

    def _check_resources(self, workflow: CompiledWorkflow) -> None:
        missing = [kind.__qualname__ for kind in workflow.resources if kind not in self.resources]
        if missing:
            raise OptionError(
                f"workflow {workflow.name!r} needs resources that are missing: {', '.join(missing)}; "
                f"pass resources={{{missing[0]}: ...}}",
                code="missing_resource",
                details={"option": "resources", "workflow": workflow.name, "missing": missing},
            )

    def check_storage(self, storage: Storage) -> None:
        """Raise NotSupported where a step needs of the storage what that cannot do: a transaction, or children."""
        for workflow in self.workflows.values():
            for step in workflow.definition.steps:
                what, details = f"step {step.name!r} of workflow {workflow.name!r}", _details(workflow, step.name)
                if step.transaction:
                    _check_transaction(f"{what} says transaction=True", workflow.bodies[step.name], storage, details)
                if step.await_children:
                    _check_children(f"{what} says await_children=True", storage, details)
        for key, body in self.actions.items() if self.actions is not None else ():
            if body.transactions:
                _check_transaction(f"action {key!r} takes part in a transaction", body, storage, {"action": key})

    def apart(self) -> Catalog:
        """The same with a memory of its own of what the store holds: that of somebody whose writes may not last."""
        other = copy(self)
        vars(other).update(_plans=dict(self._plans), _stored=set(self._stored))
        return other

    @property
    def has_coroutines(self) -> bool:
        """Whether any body here is a coroutine function."""
        bodies = [body for workflow in self.workflows.values() for _, body in _code(workflow)]
        actions = () if self.actions is None else self.actions.bodies
        return any(body.is_async for body in (*bodies, *actions))

    def offers(self, *, threads: bool, coroutines: bool) -> tuple[str, ...]:
        """What a worker with a free slot for these kinds of bodies can advance, in the form of the index's `needs`."""
        return self._offers[threads, coroutines]

    def has_all(self, needs: Iterable[str]) -> bool:
        """Whether the code of all these, in the form of the index's `needs`, is here."""
        return self._everything.issuperset(needs)

    def workflow(self, workflow: type[Workflow]) -> CompiledWorkflow:
        """The registered workflow of this class."""
        found = compiled(workflow)
        if self.workflows.get(found.name) is not found:
            raise NotFoundError(
                f"workflow {found.name!r} is not registered here; pass workflows=[{workflow.__name__}] to Squidie(...)",
                code="unknown_workflow",
                details={"workflow": found.name},
            )
        return found

    def trigger(self, trigger: Trigger[Any]) -> tuple[CompiledWorkflow, str]:
        """The registered workflow that declares the trigger, and the trigger's name there."""
        found = [w for w in self.workflows.values() if id(trigger) in w.trigger_names]
        if len(found) == 1:
            return found[0], found[0].trigger_names[id(trigger)]
        problem = "belongs to no workflow registered here" if not found else "belongs to several workflows"
        hint = "pass its workflow in workflows=[...]" if not found else "start(Workflow, payload, trigger=...)"
        raise NotFoundError(f"{trigger!r} {problem}; {hint}", code="unknown_trigger")

    def plan(self, fingerprint: str, storage: Storage) -> Plan:
        """The plan of the definition with this fingerprint; unknown ones are fetched from the store, once."""
        plan = self._plans.get(fingerprint)
        if plan is not None:
            return plan
        text = storage.get_blobs([fingerprint]).get(fingerprint)
        if text is None:
            raise Corrupt(
                f"the definition {fingerprint[:12]} that runs are pinned to is not in the store",
                details={"definition": fingerprint},
            )
        try:
            plan = Plan.from_text(text)
        except (KeyError, TypeError, ValueError) as error:
            raise Corrupt(
                f"the stored definition {fingerprint[:12]} cannot be read", details={"definition": fingerprint}
            ) from error
        if plan.fingerprint != fingerprint:
            raise Corrupt(f"the stored definition {fingerprint[:12]} is damaged", details={"definition": fingerprint})
        self._stored.add(fingerprint)
        return self._plans.setdefault(fingerprint, plan)

    def drifted(self, pinned: Plan) -> Plan | None:
        """Today's plan of the workflow, where runs of the pinned one are to fail because it is another."""
        if pinned.definition.on_drift != "fail":
            return None
        found = self.workflows.get(pinned.definition.name)
        return found.plan if found is not None and found.fingerprint != pinned.fingerprint else None

    def ensure_stored(self, plan: Plan, storage: Storage) -> None:
        """Write the definition before the first run that is pinned to it; a round trip once a process."""
        if plan.fingerprint not in self._stored:
            storage.put_blob(plan.fingerprint, plan.text)
            self._stored.add(plan.fingerprint)

    def ensure_stored_within(self, plan: Plan, inside: Storage, storage: Storage) -> None:
        """The same in a transaction that may be taken back: it is remembered only where others see it too."""
        if plan.fingerprint not in self._stored:
            inside.put_blob(plan.fingerprint, plan.text)
            self._stored.update(storage.get_blobs([plan.fingerprint]))

    def body(self, workflow: str, step: str) -> Body | None:
        """The code of the step, where this process has it."""
        found = self.workflows.get(workflow)
        return None if found is None else found.bodies.get(step)

    def body_of(self, workflow: str, runnable: RunnableState) -> Body | None:
        """The code that executes the runnable, where this process has it; see `wants_code`."""
        if runnable.dynamic is not None:
            return None if self.actions is None else self.actions.body(runnable.dynamic)
        found = self.workflows.get(workflow)
        if found is None:
            return None
        return (found.bodies if runnable.kind == "run" else found.compensations).get(runnable.step)

    def step_name(self, workflow: str, step: Step[..., Any]) -> str | None:
        """The step's name in the workflow, where this process knows both."""
        found = self.workflows.get(workflow)
        return None if found is None else found.step_names.get(id(step))


def _actions(given: ActionMap, resources: Mapping[type, object]) -> Actions:
    from squidie_core.runtime.actions import Actions  # noqa: PLC0415  # only dynamic work needs them

    return Actions(given, resources)


def _details(workflow: CompiledWorkflow, step: str) -> dict[str, str]:
    return {"workflow": workflow.name, "step": step}


def _check_transaction(what: str, body: Body, storage: Storage, details: Mapping[str, str]) -> None:
    try:
        handles = host_transactions(storage).handles
    except NotSupported as error:
        raise NotSupported(f"{what}: {error.message}", code=error.code, details=details) from None
    for needed in body.transactions:
        if handle_type(needed) not in handles:
            names = ", ".join(f"{handle.__module__}.{handle.__qualname__}" for handle in handles)
            raise NotSupported(
                f"{what}, as {needed.kind!r}, which the {storage.capabilities.name} storage does not give; "
                f"it gives {names}",
                code="unknown_transaction_handle",
                details=details,
            )


def _check_children(what: str, storage: Storage, details: Mapping[str, str]) -> None:
    from squidie_core.runtime.child_rules import check_storage_for_children  # noqa: PLC0415  # few steps have children

    try:
        check_storage_for_children(storage)
    except NotSupported as error:
        raise NotSupported(f"{what}: {error.message}", code=error.code, details=details) from None


def _offers(workflows: Iterable[CompiledWorkflow], *, threads: bool, coroutines: bool) -> Iterable[str]:
    for workflow in workflows:
        yield f"{workflow.name}:*"
        for need, body in _code(workflow):
            if coroutines if body.is_async else threads:
                yield need


def _code(workflow: CompiledWorkflow) -> Iterable[tuple[str, Body]]:
    """What can be executed of the workflow, by what runnables need."""
    kinds: tuple[tuple[RunnableKind, Mapping[str, Body]], ...] = (
        ("run", workflow.bodies),
        ("compensation", workflow.compensations),
    )
    for kind, bodies in kinds:
        for step, body in bodies.items():
            yield need_of(workflow.name, kind, step) or "", body
