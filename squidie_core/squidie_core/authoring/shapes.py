"""What is in a value that an annotation describes, as far as that is known."""

from __future__ import annotations

import dataclasses
import inspect
import typing
from typing import Any, Literal

from squidie_core.authoring.converting import is_model, is_union, unwrapped
from squidie_core.authoring.hints import hints_of_class
from squidie_core.authoring.scalars import SCALARS
from squidie_core.definition.paths import Shape, merged

_DEEPEST = 8


def shape_of(annotation: Any, depth: int = 0) -> Shape | None:
    """The names in such a value; None where they are not known."""
    annotation = unwrapped(annotation)
    if annotation is Any or depth > _DEEPEST:
        return None
    if annotation is None or annotation is type(None):
        return {}
    if is_union(annotation):
        return merged(shape_of(member, depth) for member in typing.get_args(annotation))
    if typing.get_origin(annotation) is Literal or annotation in SCALARS:
        return {}
    if not inspect.isclass(annotation):
        return None
    if typing.is_typeddict(annotation):
        return _named(hints_of_class(annotation), depth)
    if dataclasses.is_dataclass(annotation):
        hints = hints_of_class(annotation)
        return _named({item.name: hints.get(item.name, Any) for item in dataclasses.fields(annotation)}, depth)
    if is_model(annotation):
        model: Any = annotation
        return _named({name: info.annotation for name, info in model.model_fields.items()}, depth)
    return None


def has_no_names(annotation: Any) -> bool:
    """Whether this is surely a value that cannot be merged into a context: a number, a text, a list."""
    annotation = unwrapped(annotation)
    if annotation is Any or annotation is None or annotation is type(None):
        return False
    if is_union(annotation):
        return any(has_no_names(member) for member in typing.get_args(annotation))
    origin = typing.get_origin(annotation) or annotation
    if origin is Literal or annotation in SCALARS:
        return True
    return origin in (list, tuple, set, frozenset)


def _named(hints: dict[str, Any], depth: int) -> Shape:
    return {name: shape_of(hint, depth + 1) for name, hint in hints.items()}
