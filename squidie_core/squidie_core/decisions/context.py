"""Looking into a run's context: paths, conditions, and the input of a step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, TypeAlias, cast

from squidie_core.definition.model import Condition, StepDefinition
from squidie_core.journal.entries import Json
from squidie_core.journal.values import TAG, decode

View: TypeAlias = Sequence[Mapping[str, Json]]
"""Layers of a context: the first that has a name provides it."""

_ORDERED = (datetime, date, time, timedelta)


class MissingInputError(LookupError):
    """A step needs a value that the run's context does not have."""

    def __init__(self, step: str, target: str, path: Sequence[str], missing_at: Sequence[str]) -> None:
        super().__init__(f"step {step!r} needs {'.'.join(path)!r} for {target!r}, and the run has no such value")
        self.details = {
            "step": step,
            "target": target,
            "path": list(path),
            "missing_at": list(missing_at),
        }

    def error(self) -> dict[str, Json]:
        """The failure of a run that cannot plan the step."""
        return {"code": "missing_input_path", "message": str(self), "details": self.details, "retryable": False}


def matches(condition: Condition, view: View) -> bool:
    """Whether the condition holds. A path that leads nowhere never matches."""
    found = _lookup(view, condition.path)
    if isinstance(found, int):
        return False
    actual, expected = decode(found[0]), decode(condition.value)
    try:
        if condition.operator == "equals":
            return isinstance(actual, bool) == isinstance(expected, bool) and actual == expected
        return _ordered(actual, expected, descending=condition.operator == "less_than")
    except (TypeError, InvalidOperation):  # an aware and a naive time; a Decimal that is not a number
        return False


def _ordered(actual: Any, expected: Any, *, descending: bool) -> bool:
    """Whether `actual` is above `expected`, or below it; False for what has no common order."""
    numbers = _is_number(actual) and _is_number(expected)
    if not numbers and not (type(actual) is type(expected) and isinstance(actual, _ORDERED)):
        return False
    return bool(actual < expected) if descending else bool(actual > expected)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def select_input(step: StepDefinition, view: View) -> dict[str, Json]:
    """The step's input: what its mapping names, then what its body takes by name.

    Raises MissingInputError for a mapped path or a required parameter that the context does not have.
    """
    selected: dict[str, Json] = {}
    if step.parameters is None:
        for layer in reversed(view):
            selected.update(layer)
    for item in step.input:
        found = _lookup(view, item.path)
        if isinstance(found, int):
            raise MissingInputError(step.name, item.target, item.path, item.path[: found + 1])
        selected[item.target] = found[0]
    for parameter in step.parameters or ():
        if parameter.name in selected:
            continue
        for layer in view:
            if parameter.name in layer:
                selected[parameter.name] = layer[parameter.name]
                break
        else:
            if parameter.required:
                raise MissingInputError(step.name, parameter.name, (parameter.name,), (parameter.name,))
    return selected


def _lookup(view: View, path: Sequence[str]) -> tuple[Json] | int:
    """The value at the path in a tuple of one, or the position of the first segment that is missing."""
    for layer in view:
        if path[0] in layer:
            value = layer[path[0]]
            break
    else:
        return 0
    for position, segment in enumerate(path[1:], 1):
        inner = _into(value, segment)
        if inner is None:
            return position
        value = inner[0]
    return (value,)


def _into(value: Json, segment: str) -> tuple[Json] | None:
    if isinstance(value, dict):
        items = cast("dict[str, Json]", value)
        if TAG in items:
            items = cast("dict[str, Json]", items["value"]) if items[TAG] == "dict" else {}
        return (items[segment],) if segment in items else None
    if isinstance(value, list) and segment.isdecimal():
        sequence = cast("Sequence[Json]", value)
        return (sequence[int(segment)],) if int(segment) < len(sequence) else None
    return None
