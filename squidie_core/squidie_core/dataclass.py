"""`dataclass` as the standard library has it, for classes with slots: quicker to make, and quicker to construct.

The standard decorator compiles up to six functions for each class, which would be most of what importing this package
takes. Here `__init__` is compiled once for each shape of its parameters, and the rest is shared. `fields`, `replace`,
`asdict`, pickle, signatures and type checkers find what they find on any dataclass.
"""

from __future__ import annotations

import dataclasses
import inspect
import sys
from collections.abc import Callable
from dataclasses import MISSING, Field, FrozenInstanceError, fields
from functools import lru_cache
from operator import attrgetter
from reprlib import recursive_repr
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, NoReturn, cast

__all__ = ["dataclass"]


def _dataclass(
    *, slots: bool, frozen: bool = False, kw_only: bool = False, eq: bool = True
) -> Callable[[type[Any]], type[Any]]:
    """Every field is a parameter of `__init__`. A method that the class has itself stays."""

    def made(declared: type[Any]) -> type[Any]:
        cls = _with_fields(declared, slots=slots, kw_only=kw_only)
        methods: dict[str, Any] = {"__init__": _initializer(cls, frozen=frozen), "__repr__": _represent}
        if eq:
            compared = attrgetter(*[item.name for item in fields(cls) if item.compare] or ["__class__"])
            methods |= {"__eq__": _equality(compared), "__hash__": _hashing(compared) if frozen else None}
        if frozen:
            methods |= _FROZEN
        for name, method in methods.items():
            if name not in declared.__dict__:
                setattr(cls, name, method)
        return cls

    return made


def _with_fields(declared: type[Any], *, slots: bool, kw_only: bool) -> type[Any]:
    """What the standard decorator makes of the class, its methods left out."""
    written = inspect.get_annotations(declared)
    # Every text is searched for ClassVar and its like, at length; so it sees those texts alone that have it.
    declared.__annotations__ = {name: text if "ClassVar" in str(text) else object for name, text in written.items()}
    cls = dataclasses.dataclass(init=False, repr=False, eq=False, slots=slots, kw_only=kw_only)(declared)
    cls.__annotations__ = written
    for item in fields(cls):
        item.type = written[item.name]
    return cls


def _initializer(cls: type[Any], *, frozen: bool) -> FunctionType:
    items: list[Field[Any]] = sorted(fields(cls), key=lambda item: item.kw_only is True)
    setters = {
        f"set_{number}": _setter(cls, item)
        for number, item in enumerate(items)
        if frozen or item.default_factory is not MISSING
    }
    pattern = _pattern(len(items), tuple(setters), followed=hasattr(cls, "__post_init__"))(**setters)
    optional = [item for item in items if item.default is not MISSING or item.default_factory is not MISSING]
    init = FunctionType(
        _fitted(pattern.__code__, items),
        vars(sys.modules[cls.__module__]),
        "__init__",
        tuple(item.default for item in optional if not item.kw_only),
        pattern.__closure__,
    )
    init.__kwdefaults__ = {item.name: item.default for item in optional if item.kw_only}
    init.__annotations__ = {item.name: item.type for item in items} | {"return": None}
    init.__qualname__ = f"{cls.__qualname__}.__init__"
    return init


def _setter(cls: type[Any], item: Field[Any]) -> Callable[[Any, Any], None]:
    """The slot's own, which does not ask the class: a frozen one would refuse."""
    fill: Callable[[Any, Any], None] = getattr(cls, item.name).__set__
    make = item.default_factory
    if make is MISSING:
        return fill

    def fill_or_make(self: Any, value: Any) -> None:
        fill(self, make() if value is MISSING else value)

    return fill_or_make


@lru_cache
def _pattern(count: int, setters: tuple[str, ...], *, followed: bool) -> Callable[..., Any]:
    """Gives an `__init__` that sets `_0`, `_1` and so on, by `set_0`, ... where there is such a setter."""
    names = [f"_{number}" for number in range(count)]
    lines = [f"set{name}(self, {name})" if f"set{name}" in setters else f"self.{name} = {name}" for name in names]
    lines.append("self.__post_init__()" if followed else "return")
    text = "def pattern({}):\n def __init__({}):\n  {}\n return __init__"
    space: dict[str, Any] = {}
    exec(text.format(", ".join(setters), ", ".join(["self", *names]), "\n  ".join(lines)), space)  # noqa: S102  # ours
    return cast("Callable[..., Any]", space["pattern"])


def _fitted(code: CodeType, items: list[Field[Any]]) -> CodeType:
    """The pattern's code with the names of the fields, the last of which may be keywords."""
    names = {f"_{number}": item.name for number, item in enumerate(items)}
    keywords = sum(item.kw_only is True for item in items)
    return code.replace(
        co_argcount=code.co_argcount - keywords,
        co_kwonlyargcount=keywords,
        co_varnames=tuple(names.get(name, name) for name in code.co_varnames),
        co_names=tuple(names.get(name, name) for name in code.co_names),
    )


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


def _refuse_to_set(_self: object, name: str, _value: object) -> NoReturn:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(_self: object, name: str) -> NoReturn:
    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: Any) -> list[Any]:
    return [getattr(self, item.name) for item in fields(self)]


def _restore(self: Any, state: list[Any]) -> None:
    for item, value in zip(fields(self), state, strict=True):
        object.__setattr__(self, item.name, value)


_FROZEN = {
    "__setattr__": _refuse_to_set,
    "__delattr__": _refuse_to_delete,
    "__getstate__": _state,
    "__setstate__": _restore,
}

if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    dataclass = _dataclass
