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
    if annotation is Ellipsis:
        return "..."
    if hasattr(annotation, "__supertype__"):
        return describe(annotation.__supertype__)
    if type(annotation).__name__ == "TypeAliasType":
        return str(annotation.__name__)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is None:
        return str(getattr(annotation, "__name__", None) or annotation)
    if origin is typing.Annotated:
        return describe(annotation.__origin__)
    if origin in (Union, types.UnionType):
        return " | ".join(describe(member) for member in arguments)
    if origin is Literal:
        return " | ".join(repr(item.value if isinstance(item, Enum) else item) for item in arguments)
    if len(arguments) == 1 and origin in (typing.Required, typing.NotRequired):
        return describe(arguments[0])
    name = str(getattr(origin, "__name__", origin))
    if name in ("ReadOnly", "Final", "ClassVar"):
        return describe(arguments[0])
    return f"{name}[{', '.join(describe(item) for item in arguments)}]"
