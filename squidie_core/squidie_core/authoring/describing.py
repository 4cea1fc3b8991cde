"""The text of an annotation: the same on every Python, however it is written."""

from __future__ import annotations

import types
import typing
from enum import Enum
from typing import Any, Literal, Union

from squidie_core.authoring.hints import Unresolved


def describe(annotation: Any) -> str:
    """The annotation in a few words, such as `int | None` or `list[Stop]`."""
    if annotation is Any or annotation is object or isinstance(annotation, Unresolved | typing.TypeVar):
        return "any"
    if annotation is None or annotation is type(None):
        return "None"
    if hasattr(annotation, "__supertype__"):
        return describe(annotation.__supertype__)
    origin = typing.get_origin(annotation)
    if origin is None:
        return "..." if annotation is Ellipsis else str(getattr(annotation, "__name__", None) or annotation)
    return _generic(origin, typing.get_args(annotation))


def _generic(origin: Any, arguments: tuple[Any, ...]) -> str:
    if origin in (Union, types.UnionType):
        return " | ".join(describe(member) for member in arguments)
    if origin is Literal:
        return " | ".join(repr(item.value if isinstance(item, Enum) else item) for item in arguments)
    name = str(getattr(origin, "__name__", None) or getattr(origin, "_name", origin))
    if name in _WRAPPERS:
        return describe(arguments[0])
    return f"{name}[{', '.join(describe(item) for item in arguments)}]"


_WRAPPERS = ("Annotated", "Required", "NotRequired", "ReadOnly", "Final", "ClassVar")
