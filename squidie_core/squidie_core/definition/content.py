"""A definition as canonical JSON, and the fingerprint that names this content.

The fingerprint is the lower-case hexadecimal SHA-256 of the canonical text: ASCII, keys sorted, no white space, fields
that have their default left out. So a field that a later version adds does not change the fingerprints of definitions
that do not use it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, cast

from squidie_core.definition.model import (
    Condition,
    DeadlinePolicy,
    Definition,
    InputPath,
    Parameter,
    PayloadField,
    RetryPolicy,
    StepDefinition,
    Transition,
    TriggerDefinition,
)


def to_text(definition: Definition) -> str:
    """The canonical text of the definition."""
    return json.dumps(_plain(definition), sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def fingerprint(text: str) -> str:
    """The name of a definition whose canonical text this is."""
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def from_text(text: str) -> Definition:
    """The definition that `to_text` gave this text for. Raises KeyError, TypeError or ValueError for any other text."""
    try:
        given: dict[str, Any] = json.loads(text)
        given["triggers"] = tuple(_trigger(item) for item in given.get("triggers", ()))
        given["steps"] = tuple(_step(item) for item in given.get("steps", ()))
        given["transitions"] = tuple(_transition(item) for item in given.get("transitions", ()))
        return Definition(**given)
    except (AttributeError, RecursionError) as error:
        raise ValueError("the text is no definition") from error


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        given = {field.name: getattr(value, field.name) for field in fields(value)}
        defaults = {field.name: field.default for field in fields(value) if field.default is not MISSING}
        return {name: _plain(item) for name, item in given.items() if name not in defaults or item != defaults[name]}
    if isinstance(value, tuple):
        return [_plain(item) for item in cast("Sequence[Any]", value)]
    return value


def _trigger(data: Mapping[str, Any]) -> TriggerDefinition:
    given = dict(data)
    given["payload"] = tuple(PayloadField(**item) for item in given.get("payload", ()))
    return TriggerDefinition(**given)


def _transition(data: Mapping[str, Any]) -> Transition:
    given = dict(data)
    if given.get("condition") is not None:
        condition = dict(given["condition"])
        condition["path"] = tuple(condition["path"])
        given["condition"] = Condition(**condition)
    return Transition(**given)


def _step(data: Mapping[str, Any]) -> StepDefinition:
    given = dict(data)
    if given.get("parameters", ()) is not None:
        given["parameters"] = tuple(Parameter(**item) for item in given.get("parameters", ()))
    given["input"] = tuple(InputPath(target=i["target"], path=tuple(i["path"])) for i in given.get("input", ()))
    given["after"] = tuple(given.get("after", ()))
    for name in ("retry", "compensate_retry"):
        if given.get(name) is not None:
            given[name] = _retry(given[name])
    if given.get("deadline") is not None:
        given["deadline"] = DeadlinePolicy(**given["deadline"])
    return StepDefinition(**given)


def _retry(data: Mapping[str, Any]) -> RetryPolicy:
    given = dict(data)
    given["retry_on"] = tuple(given.get("retry_on", ()))
    given["give_up_on"] = tuple(given.get("give_up_on", ()))
    return RetryPolicy(**given)
