"""The annotations of callables and classes, resolved one by one, so that one bad name does not spoil the others."""

from __future__ import annotations

import inspect
import sys
import typing
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from squidie_core.dataclass import record


@record(frozen=True, slots=True)
class Unresolved:
    """An annotation whose names cannot be found: its text."""

    text: str


def class_of(value: object) -> type[Any]:
    """The value's class."""
    return type(value)


def hints_of_callable(function: Any) -> dict[str, Any]:
    """The annotations of a callable's parameters and of its `return`; `Unresolved` where names are missing."""
    target = plain_function(function)
    return _resolve(_raw(target), getattr(target, "__globals__", {}), {})


def hints_of_class(cls: type) -> dict[str, Any]:
    """The annotations of a class's fields, bases first."""
    resolved: dict[str, Any] = {}
    for kind in reversed(cls.__mro__):
        module = sys.modules.get(kind.__module__)
        names: Mapping[str, Any] = vars(module) if module is not None else {}
        resolved.update(_resolve(_raw(kind), names, {**vars(kind), kind.__name__: kind}))
    return resolved


def plain_function(function: Any) -> Any:
    """The function that a partial, a bound method, a wrapper or a callable object leads to."""
    for _ in range(100):
        if hasattr(function, "__wrapped__"):
            function = function.__wrapped__
        elif hasattr(function, "__func__"):
            function = function.__func__
        elif hasattr(function, "func") and hasattr(function, "keywords"):
            function = function.func
        elif not hasattr(function, "__code__") and not isinstance(function, type):
            call = inspect.getattr_static(class_of(function), "__call__", None)
            if not inspect.isfunction(call):
                break
            function = call
        else:
            break
    return function


def _raw(target: Any) -> Mapping[str, Any]:
    if sys.version_info >= (3, 14):
        import annotationlib  # noqa: PLC0415  # where it exists

        return annotationlib.get_annotations(target, format=annotationlib.Format.FORWARDREF)
    try:
        return inspect.get_annotations(target)
    except TypeError:
        return {}


def _resolve(raw: Mapping[str, Any], names: Mapping[str, Any], local: Mapping[str, Any]) -> dict[str, Any]:
    resolved: dict[str, Any] = {}
    for name, annotation in raw.items():
        one = SimpleNamespace(__annotations__={name: annotation})
        try:
            hints = typing.get_type_hints(one, globalns=dict(names), localns=dict(local), include_extras=True)
        except Exception:  # noqa: BLE001  # an annotation is any expression
            text = annotation if isinstance(annotation, str) else getattr(annotation, "__forward_arg__", None)
            resolved[name] = Unresolved(text.strip("'\"") if isinstance(text, str) else repr(annotation))
        else:
            resolved[name] = hints[name]
    return resolved
