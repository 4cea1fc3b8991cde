"""How each kind of annotation converts."""

from __future__ import annotations

import dataclasses
import inspect
import types
import typing
from collections.abc import Mapping
from enum import Enum
from typing import Any, Literal, Union, cast

from squidie_core.authoring.containers import BARE, LISTS, MAPPINGS, SETS, items_of, list_of, mapping_of, set_of
from squidie_core.authoring.describing import describe
from squidie_core.authoring.hints import Unresolved, class_of, hints_of_class
from squidie_core.authoring.scalars import SCALARS
from squidie_core.authoring.violations import MISSING, ContractError, Converter, Violation, as_is, below, mismatch

_WRAPPERS = ("Required", "NotRequired", "ReadOnly", "Annotated", "Final", "ClassVar")


def unwrapped(annotation: Any) -> Any:
    """The annotation without `Annotated`, `Required`, `NewType`, aliases and type parameters' names."""
    while True:
        if typing.get_origin(annotation) is typing.Annotated:
            annotation = annotation.__origin__
        elif typing.get_origin(annotation) in (typing.Required, typing.NotRequired) or (
            getattr(typing.get_origin(annotation), "_name", None) in _WRAPPERS
        ):
            annotation = typing.get_args(annotation)[0]
        elif hasattr(annotation, "__supertype__"):
            annotation = annotation.__supertype__
        elif type(annotation).__name__ == "TypeAliasType":
            annotation = annotation.__value__
        else:
            return annotation


def is_union(annotation: Any) -> bool:
    """Whether this is `A | B`, however written."""
    return typing.get_origin(annotation) in (Union, types.UnionType)


def is_model(annotation: Any) -> bool:
    """Whether this is a pydantic model class, known by its form."""
    return isinstance(annotation, type) and hasattr(annotation, "model_validate") and hasattr(annotation, "model_dump")


class Preparation:
    """Prepares converters; one per annotated place. `unresolved` lists the texts that no name was found for."""

    def __init__(self, *, strict: bool) -> None:
        self.strict = strict
        self.unresolved: list[str] = []
        self._classes: dict[Any, Converter] = {}

    def of(self, annotation: Any) -> Converter:
        """The converter for the annotation."""
        annotation = unwrapped(annotation)
        if isinstance(annotation, Unresolved):
            self.unresolved.append(annotation.text)
            return as_is
        if annotation in SCALARS:
            return SCALARS[annotation]
        if is_union(annotation):
            return self._union(annotation)
        origin = typing.get_origin(annotation)
        return self._class(annotation) if origin is None else self._generic(annotation, origin)

    def _generic(self, annotation: Any, origin: Any) -> Converter:
        arguments = typing.get_args(annotation)
        if origin is Literal:
            return _literal(annotation)
        if origin in LISTS:
            return list_of(self.of(arguments[0]), describe(annotation))
        if origin is tuple:
            return self._tuple(annotation, arguments)
        if origin in SETS:
            return set_of(self.of(arguments[0]), describe(annotation), SETS[origin])
        if origin in MAPPINGS:
            return mapping_of(self.of(arguments[0]), self.of(arguments[1]), describe(annotation))
        return self._class(origin)

    def _tuple(self, annotation: Any, arguments: tuple[Any, ...]) -> Converter:
        text = describe(annotation)
        if len(arguments) == 2 and arguments[1] is Ellipsis:  # noqa: PLR2004  # tuple[X, ...]
            items = list_of(self.of(arguments[0]), text)
            return lambda value: tuple(items(value))
        return items_of([self.of(item) for item in arguments], text, tuple)

    def _class(self, cls: Any) -> Converter:
        if not inspect.isclass(cls) or cls is object:
            return as_is
        if cls in self._classes:
            return self._classes[cls]
        if cls in BARE:
            return BARE[cls](cls.__name__)
        if issubclass(cls, Enum):
            return _enum(cls)
        if dataclasses.is_dataclass(cls) or typing.is_typeddict(cls) or _is_named_tuple(cls):
            return self._record(cls)
        if is_model(cls):
            return _model(cls)
        return _instance(cls)

    def _record(self, cls: Any) -> Converter:
        """A class with named fields; it may mention itself, so its converter is there before its fields' are."""
        finished: list[Converter] = []

        def later(value: Any) -> Any:
            return finished[0](value)

        self._classes[cls] = later
        hints = hints_of_class(cls)
        if typing.is_typeddict(cls):
            prepared = _typed_dict(
                {name: self.of(hint) for name, hint in hints.items()}, required_keys(cls, hints), cls
            )
        elif dataclasses.is_dataclass(cls):
            prepared = self._dataclass(cls, hints)
        else:
            fields = [self.of(hints.get(name, Any)) for name in cls._fields]
            prepared = items_of(fields, cls.__name__, lambda items: cls(*items))
        finished.append(prepared)
        self._classes[cls] = prepared
        return prepared

    def _dataclass(self, cls: Any, hints: Mapping[str, Any]) -> Converter:
        fields = [item for item in dataclasses.fields(cls) if item.init]
        converters = {item.name: self.of(hints.get(item.name, Any)) for item in fields}
        required = frozenset(
            item.name
            for item in fields
            if item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING
        )
        known = frozenset(item.name for item in dataclasses.fields(cls))
        name, strict = cls.__name__, self.strict

        def convert(value: Any) -> Any:
            if type(value) is not dict:
                if isinstance(value, cls):
                    return value
                raise mismatch(name, value)
            given = cast("dict[str, Any]", value)
            converted, violations = _fields(given, converters, required)
            if strict:
                violations += [Violation((key,), "left out", "unknown") for key in sorted(given.keys() - known)]
            if violations:
                raise ContractError(violations)
            try:
                return cls(**converted)
            except Exception as error:  # __post_init__ is the author's
                raise ContractError([Violation((), name, f"refused by it ({type(error).__name__})")]) from error

        return convert

    def _union(self, annotation: Any) -> Converter:
        members = [unwrapped(member) for member in typing.get_args(annotation)]
        exact = {member: SCALARS[member] for member in members if member in SCALARS and isinstance(member, type)}
        some = [member for member in members if member not in (None, type(None))]
        optional = len(some) < len(members)
        converters = [self.of(member) for member in some]
        if as_is in converters:
            return as_is
        text = describe(annotation)
        if optional and len(converters) == 1:
            only = converters[0]
            return lambda value: None if value is None else only(value)

        def convert(value: Any) -> Any:
            if value is None and optional:
                return None
            scalar = exact.get(class_of(value))
            if scalar is not None:
                return scalar(value)
            for candidate in converters:
                try:
                    return candidate(value)
                except ContractError:
                    continue
            raise mismatch(text, value)

        return convert


def required_keys(cls: Any, hints: Mapping[str, Any]) -> frozenset[str]:
    """The keys that a TypedDict requires, also where `NotRequired` stands in an annotation kept as text."""
    required = set(cast("frozenset[str]", cls.__required_keys__))
    for name, hint in hints.items():
        if typing.get_origin(hint) is typing.NotRequired:
            required.discard(name)
        elif typing.get_origin(hint) is typing.Required:
            required.add(name)
    return frozenset(required)


def _fields(
    given: Mapping[str, Any], converters: Mapping[str, Converter], required: frozenset[str]
) -> tuple[dict[str, Any], list[Violation]]:
    converted: dict[str, Any] = {}
    violations: list[Violation] = []
    for name, convert in converters.items():
        if name in given:
            try:
                converted[name] = convert(given[name])
            except ContractError as error:
                violations += below(name, error)
        elif name in required:
            violations.append(Violation((name,), "given", MISSING))
    return converted, violations


def _typed_dict(converters: Mapping[str, Converter], required: frozenset[str], cls: type) -> Converter:
    name = cls.__name__

    def convert(value: Any) -> Any:
        if type(value) is not dict:
            raise mismatch(name, value)
        given = cast("dict[str, Any]", value)
        converted, violations = _fields(given, converters, required)
        if violations:
            raise ContractError(violations)
        return {**given, **converted}

    return convert


def _enum(cls: type[Enum]) -> Converter:
    text = describe(cls)

    def convert(value: Any) -> Any:
        if isinstance(value, cls):
            return value
        try:
            member = cls(tuple(cast("Any", value)) if isinstance(value, list) else value)
        except (ValueError, TypeError, KeyError):
            raise mismatch(text, value) from None
        if isinstance(member.value, bool) != isinstance(value, bool):
            raise mismatch(text, value)
        return member

    return convert


def _literal(annotation: Any) -> Converter:
    text = describe(annotation)
    known: dict[tuple[type, Any], Any] = {}
    for choice in typing.get_args(annotation):
        plain = choice.value if isinstance(choice, Enum) else choice
        known[type(plain), plain] = choice

    def convert(value: Any) -> Any:
        try:
            return known[type(value), value]
        except (KeyError, TypeError):
            raise mismatch(text, value) from None

    return convert


def _model(cls: Any) -> Converter:
    name = cls.__name__
    by_name = {"by_name": True, "by_alias": True} if "by_name" in _parameters(cls.model_validate) else {}

    def convert(value: Any) -> Any:
        try:
            return cls.model_validate(value, **by_name)
        except Exception as error:  # pydantic's own, which we do not import  # noqa: BLE001
            raise ContractError(_model_violations(error, name)) from None

    return convert


def _model_violations(error: Exception, name: str) -> list[Violation]:
    listing: Any = getattr(error, "errors", None)
    if not callable(listing):
        return [Violation((), name, f"refused by it ({type(error).__name__})")]
    found = cast("list[dict[str, Any]]", listing())
    return [_model_violation(item, name) for item in found]


def _model_violation(item: Mapping[str, Any], name: str) -> Violation:
    path = tuple(cast("tuple[str | int, ...]", item["loc"]))
    kind = str(item["type"])
    if kind == "missing":
        return Violation(path, "given", MISSING)
    return Violation(path, f"what {name} accepts ({kind})", "not")


def _parameters(function: Any) -> Mapping[str, Any]:
    try:
        return inspect.signature(function).parameters
    except (TypeError, ValueError):
        return {}


def _instance(cls: type) -> Converter:
    base = next((kind for kind in (str, int, float) if issubclass(cls, kind)), None)
    if base is not None:
        return _subclass(cls, SCALARS[base])
    try:
        isinstance(None, cls)
    except TypeError:  # a protocol that cannot be asked
        return as_is

    def convert(value: Any) -> Any:
        if isinstance(value, cls):
            return value
        raise mismatch(cls.__name__, value)

    return convert


def _subclass(cls: Any, base: Converter) -> Converter:
    def convert(value: Any) -> Any:
        if type(value) is cls:
            return value
        try:
            return cls(base(value))
        except (ValueError, TypeError) as error:
            raise mismatch(cls.__name__, value) from error

    return convert


def _is_named_tuple(cls: type[Any]) -> bool:
    return hasattr(cls, "_fields") and issubclass(cls, tuple)
