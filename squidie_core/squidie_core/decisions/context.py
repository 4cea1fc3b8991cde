"""Looking into a run's context: paths, conditions, and the input of a step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar, TypeAlias, cast

from squidie_core.definition.model import Condition, StepDefinition
from squidie_core.journal.codec import to_json
from squidie_core.journal.entries import Json, Runnable
from squidie_core.journal.values import TAG, decode
from squidie_core.state.run import RunState

View: TypeAlias = Sequence[Mapping[str, Json]]
"""Layers of a context: the first that has a name provides it."""

MAX_INPUT_BYTES = 640 * 1024
"""What the inputs planned by one decision may take together; a result of 256 kB still fits beside them."""
_LONGEST_ESCAPE = 6
"""Characters of JSON that one character may take."""
_ORDERED = (datetime, date, time, timedelta)


class InputError(Exception):
    """A step cannot be given its input."""

    code: ClassVar[str]
    details: Mapping[str, Json]

    def error(self) -> dict[str, Json]:
        """The failure of a run that cannot plan the step."""
        return {"code": self.code, "message": str(self), "details": self.details, "retryable": False}


class MissingInputError(InputError):
    """A step needs a value that the run's context does not have."""

    code = "missing_input_path"

    def __init__(self, step: str, target: str, path: Sequence[str], missing_at: Sequence[str]) -> None:
        super().__init__(f"step {step!r} needs {'.'.join(path)!r} for {target!r}, and the run has no such value")
        self.details = {
            "step": step,
            "target": target,
            "path": list(path),
            "missing_at": list(missing_at),
        }


class LargeInputError(InputError):
    """The inputs of the steps that are planned together are larger than a commit may be."""

    code = "input_too_large"

    def __init__(self, steps: Sequence[str], size: int) -> None:
        super().__init__(
            f"the input of {', '.join(map(repr, steps))} takes {size:,} bytes, {MAX_INPUT_BYTES:,} are allowed; "
            "take less of the context by name, or keep large data elsewhere and store a reference to it"
        )
        self.details = {"steps": list(steps), "bytes": size, "limit": MAX_INPUT_BYTES}


def view_of(state: RunState) -> View:
    """What the run's steps and conditions see: its context, and as `error` the failure that was routed last.

    That is seen from the route's target on, until a step gives a result of that name.
    """
    return (state.context,) if state.routed_error is None else ({"error": state.routed_error}, state.context)


_FROM_NOWHERE: Mapping[str, Json] = {}


def origin_of(state: RunState) -> Mapping[str, Json]:
    """What paths may name beside the view: the `schedule` and the `parent` that the run comes from.

    No step is given them without its asking: they are no part of the context.
    """
    if state.schedule is None and state.parent is None:
        return _FROM_NOWHERE
    given = {"schedule": state.schedule, "parent": state.parent}
    return {name: value for name, value in given.items() if value is not None}


def check_size(planned: Sequence[Runnable]) -> None:
    """Raise LargeInputError where the inputs leave no room for the rest of a commit."""
    rough = sum(_rough_size(value) for runnable in planned for value in (runnable.input or {}).values())
    if rough * _LONGEST_ESCAPE <= MAX_INPUT_BYTES:
        return
    size = sum(len(to_json(runnable.input)) for runnable in planned)
    if size > MAX_INPUT_BYTES:
        raise LargeInputError([runnable.step for runnable in planned], size)


def _rough_size(value: Json) -> int:
    """Characters of the value's text, before escapes."""
    if isinstance(value, str):
        return len(value) + 4
    if isinstance(value, dict):
        return sum(len(key) + _rough_size(item) + 4 for key, item in cast("dict[str, Json]", value).items())
    if isinstance(value, list):
        return sum(_rough_size(item) + 1 for item in cast("Sequence[Json]", value))
    return 24 if not isinstance(value, int) else value.bit_length() // 3 + 6


def matches(condition: Condition, view: View) -> bool:
    """Whether the condition holds. A path that leads nowhere never matches."""
    found = _lookup(view, condition.path)
    if isinstance(found, int):
        return False
    actual, expected = decode(found[0]), decode(condition.value)
    try:
        if condition.operator == "equals":
            return _same(actual, expected)
        return _ordered(actual, expected, descending=condition.operator == "less_than")
    except (TypeError, InvalidOperation):  # an aware and a naive time; a Decimal that is not a number
        return False


def _same(actual: Any, expected: Any) -> bool:
    """Whether the values are equal at every depth, where True is not 1 and False is not 0."""
    if isinstance(actual, dict) and isinstance(expected, dict):
        one, other = cast("dict[str, Any]", actual), cast("dict[str, Any]", expected)
        return one.keys() == other.keys() and all(_same(item, other[key]) for key, item in one.items())
    if isinstance(actual, list) and isinstance(expected, list):
        items, others = cast("Sequence[Any]", actual), cast("Sequence[Any]", expected)
        return len(items) == len(others) and all(map(_same, items, others))
    return isinstance(actual, bool) == isinstance(expected, bool) and bool(actual == expected)


def _ordered(actual: Any, expected: Any, *, descending: bool) -> bool:
    """Whether `actual` is above `expected`, or below it; False for what has no common order."""
    numbers = _is_number(actual) and _is_number(expected)
    if not numbers and not (type(actual) is type(expected) and isinstance(actual, _ORDERED)):
        return False
    return bool(actual < expected) if descending else bool(actual > expected)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def select_input(step: StepDefinition, view: View, origin: Mapping[str, Json] = _FROM_NOWHERE) -> dict[str, Json]:
    """The step's input: what its mapping names, in the view or the run's origin, then what its body takes by name.

    Raises MissingInputError for a mapped path or a required parameter that the context does not have.
    """
    selected: dict[str, Json] = {}
    if step.parameters is None:
        for layer in reversed(view):
            selected.update(layer)
    for item in step.input:
        found = _lookup((*view, origin), item.path)
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
