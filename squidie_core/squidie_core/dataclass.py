"""`dataclass` as the standard library has it, quicker to make.

The standard decorator compiles up to six functions for each class, which would be most of what importing this package
takes. What need not know a class's fields in advance is shared here: `__repr__`, `__eq__` and `__hash__`.

`record` is the same for what is made by the thousand, such as a journal's entries: it is frozen for type checkers, and
nothing guards it at run time. A guarded object takes three times as long to make.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import fields
from functools import partial
from operator import attrgetter
from reprlib import recursive_repr
from types import GenericAlias
from typing import TYPE_CHECKING, Any

__all__ = ["dataclass", "record"]


def _dataclass(
    *, slots: bool = False, frozen: bool = False, kw_only: bool = False, eq: bool = True, guarded: bool = True
) -> Callable[[type[Any]], type[Any]]:
    """A method that the class has itself stays."""
    guard = frozen and guarded

    def made(declared: type[Any]) -> type[Any]:
        for item in vars(declared).values():
            factory = getattr(item, "default_factory", None)
            if isinstance(factory, GenericAlias):
                item.default_factory = factory.__origin__  # list[str]() takes ten times as long as list()
        cls = dataclasses.dataclass(repr=False, eq=False, slots=slots, frozen=guard, kw_only=kw_only)(declared)
        methods: dict[str, Any] = {"__repr__": _represent}
        if eq:
            compared = attrgetter(*[item.name for item in fields(cls) if item.compare] or ["__class__"])
            methods |= {"__eq__": _equality(compared), "__hash__": _hashing(compared) if frozen else None}
        for name, method in methods.items():
            if name not in declared.__dict__:
                setattr(cls, name, method)
        return cls

    return made


def _equality(compared: Callable[[Any], Any]) -> Callable[[Any, object], bool]:
    def equal(self: Any, other: object) -> bool:
        return compared(self) == compared(other) if other.__class__ is self.__class__ else NotImplemented

    return equal


def _hashing(compared: Callable[[Any], Any]) -> Callable[[Any], int]:
    return lambda self: hash(compared(self))


@recursive_repr()
def _represent(self: Any) -> str:
    shown = (f"{item.name}={getattr(self, item.name)!r}" for item in fields(self) if item.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"


if TYPE_CHECKING:
    from dataclasses import dataclass
    from dataclasses import dataclass as record
else:
    dataclass = _dataclass
    record = partial(_dataclass, guarded=False)
