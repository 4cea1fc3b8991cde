"""Which values a step can find in the run's context, and the paths and parameters that nothing can satisfy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from typing import TypeAlias

from squidie_core.dataclass import record
from squidie_core.definition.findings import Findings, did_you_mean
from squidie_core.definition.graph import predecessors, reachable
from squidie_core.definition.model import Definition, StepDefinition

Shape: TypeAlias = "Mapping[str, Shape | None]"
"""The names in a value, each with the shape of what it names; None: unknown, so that anything may be in it."""

DECISION: Shape = {"decision": {}, "actor": None, "decided_at": {}, "comment": {}, "metadata": None}
"""What an approval gives."""

ORIGIN: Shape = {"schedule": None, "parent": None}
"""What paths may name of any run, and what no step takes by name."""


@record(frozen=True, slots=True)
class Knowledge:
    """What is known beside the definition itself. Without it nothing is flagged that it could explain."""

    results: Mapping[str, Shape | None] = field(default_factory=dict[str, "Shape | None"])
    """By step: what its body returns."""
    payload: Mapping[str, Shape | None] = field(default_factory=dict[str, "Shape | None"])
    """By field: what is in it."""


def check_paths(found: Findings, definition: Definition, known: Knowledge) -> None:
    """Flag paths and parameters that nothing provides, wherever everything that comes before is known."""
    views = _Views(definition, known)
    for step in definition.steps:
        view = views.before(step.name)
        if view is not None and step.kind == "run":
            _check_step(found, step, view)
    for index, transition in enumerate(definition.transitions):
        if transition.condition is None:
            continue
        view = views.after(transition.source, transition.on)
        missing = None if view is None else _missing({**ORIGIN, **view}, transition.condition.path)
        if missing is not None:
            message = f"where({'.'.join(transition.condition.path)!r}): nothing before it provides {missing.text!r}"
            found.transition(index, transition, "unknown_condition_path", message, missing.hint)


def _check_step(found: Findings, step: StepDefinition, view: Shape) -> None:
    taken = None if step.parameters is None else {item.name for item in step.parameters}
    mapped = {item.target for item in step.input}
    if taken is not None and not mapped <= taken:
        return  # what that leaves open has the same cause
    for item in step.input:
        missing = _missing({**ORIGIN, **view}, item.path)
        if missing is not None:
            path = ".".join(item.path)
            message = f"input= takes {item.target!r} from {path!r}, and nothing before it provides {missing.text!r}"
            found.step(step.name, "unknown_input_path", message, missing.hint)
    for parameter in step.parameters or ():
        if parameter.required and parameter.name not in mapped and parameter.name not in view:
            message = f"its body takes {parameter.name!r}, and nothing before it provides that"
            path = parameter.name if parameter.name in ORIGIN else "path.in.context"
            hint = did_you_mean(parameter.name, view, f'input={{"{parameter.name}": "{path}"}}')
            found.step(step.name, "missing_step_input", message, hint)


@record(frozen=True, slots=True)
class _Missing:
    text: str
    hint: str


def _missing(view: Shape, path: Sequence[str]) -> _Missing | None:
    shape: Shape | None = view if all(path) else None
    for position, name in enumerate(path):
        if shape is None:
            return None
        if name not in shape:
            prefix = [*path[:position]]
            choices = {".".join([*prefix, item]): item for item in shape}
            meant = did_you_mean(".".join([*prefix, name]), choices)
            there = f"there is {', '.join(choices)}" if choices else f"nothing is in {'.'.join(prefix)!r}"
            return _Missing(".".join(path[: position + 1]), meant or there)
        shape = shape[name]
    return None


class _Views:
    """The context that can have been made by the time a step begins or ends; None where it is not known."""

    def __init__(self, definition: Definition, known: Knowledge) -> None:
        self._definition = definition
        self._known = known
        self._steps = {step.name: step for step in definition.steps}
        self._before = predecessors(definition)

    def before(self, name: str) -> Shape | None:
        ancestors = reachable(self._before, [name])
        view = self._merged(ancestors)
        touched = {name, *ancestors}
        if view is not None and any(t.on == "error" and t.target in touched for t in self._definition.transitions):
            return {**view, "error": None}
        return view

    def after(self, name: str, on: str) -> Shape | None:
        ancestors = reachable(self._before, [name])
        if on == "error":
            view = self._merged(ancestors)
            return None if view is None else {**view, "error": None}
        return self._merged({*ancestors, name})

    def _merged(self, steps: Iterable[str]) -> Shape | None:
        merged: dict[str, Shape | None] = {}
        for trigger in self._definition.triggers:
            for item in trigger.payload:
                _merge(merged, {item.name: self._known.payload.get(item.name)})
        for name in sorted(steps):
            result = self._result(self._steps[name])
            if result is None:
                return None
            _merge(merged, result)
        return merged

    def _result(self, step: StepDefinition) -> Shape | None:
        if step.kind in ("wait", "log", "pause"):
            return {}
        shape = DECISION if step.kind == "approval" else self._known.results.get(step.name)
        if step.await_children and shape is not None:
            shape = {**shape, "children": None}
        return shape if step.output is None else {step.output: shape}


def _merge(into: dict[str, Shape | None], other: Shape) -> None:
    for name, shape in other.items():
        present = into.get(name)
        if name not in into or present is None or shape is None:
            into[name] = shape if name not in into else None
        else:
            both = dict(present)
            _merge(both, shape)
            into[name] = both


def merged(shapes: Iterable[Shape | None]) -> Shape | None:
    """The shape of a value that has one of these shapes: whatever may be in it."""
    result: dict[str, Shape | None] = {}
    for shape in shapes:
        if shape is None:
            return None
        _merge(result, shape)
    return result
