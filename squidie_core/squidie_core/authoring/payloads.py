"""Payload contracts: what a start must give, checked and completed once, at the start."""

from __future__ import annotations

import dataclasses
import inspect
import typing
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import field
from typing import Any, cast

from squidie_core.authoring.contracts import ContractError, Converter, as_is, converter
from squidie_core.authoring.converting import is_model, required_keys
from squidie_core.authoring.describing import describe
from squidie_core.authoring.hints import class_of, hints_of_class
from squidie_core.authoring.triggers import Trigger
from squidie_core.authoring.violations import MISSING, below
from squidie_core.dataclass import record
from squidie_core.definition.model import PayloadField
from squidie_core.errors import EncodingError, PayloadError
from squidie_core.journal.values import decode, encode, encode_mapping

_NONE: Any = object()
_EMPTY: Mapping[Any, Any] = {list: [], dict: {}, tuple: ()}


@record(frozen=True, slots=True)
class ContractField:
    """One field of a contract."""

    name: str
    annotation: Any
    required: bool = True
    settable: bool = True
    default: Any = _NONE

    alias: str | None = None

    @property
    def definition(self) -> PayloadField:
        """The field as the definition keeps it."""
        return PayloadField(name=self.name, type=describe(self.annotation), required=self.required)


@record(frozen=True, slots=True)
class Contract:
    """What a trigger's declaration says about its payload."""

    name: str = ""
    fields: tuple[ContractField, ...] = ()
    cls: Any = None
    """The dataclass or model that knows the defaults; None: the given fields are all."""
    is_model: bool = False
    fault: str = ""

    @property
    def known(self) -> set[str]:
        """The names that a payload may have."""
        return {item.name for item in self.fields} | {item.alias for item in self.fields if item.alias}


@record(frozen=True, slots=True)
class Accepted:
    """A payload that satisfies its contract, as plain JSON."""

    payload: Mapping[str, Any]
    """Complete, with defaults: what the run starts with."""
    given: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Before defaults: what decides whether two starts are the same. A value equal to its default is not in it."""


def read_contract(trigger: Trigger[Any]) -> Contract:
    """Read a trigger's contract. Never raises: what is wrong stands in `fault`."""
    cls: Any = trigger.contract
    if cls is None:
        for name, kind in trigger.contract_fields.items():
            given = class_of(kind)
            if given in (str, int, float, bool, list, dict, tuple):
                return Contract(fault=f"{name}= is a {given.__name__}, not a type")
        return Contract("", tuple(ContractField(name, kind) for name, kind in trigger.contract_fields.items()))
    if is_model(cls):
        return Contract(cls.__name__, _model_fields(cls), cls, is_model=True)
    if typing.is_typeddict(cls):
        hints = hints_of_class(cls)
        required = required_keys(cls, hints)
        fields = tuple(ContractField(name, hint, name in required) for name, hint in hints.items())
        return Contract(cls.__name__, fields)
    if inspect.isclass(cls) and dataclasses.is_dataclass(cls):
        return _dataclass_contract(cls)
    return Contract(fault=f"{getattr(cls, '__name__', cls)} is no dataclass, TypedDict or pydantic model")


class PayloadContract:
    """A trigger's contract, ready to be used. Immutable; safe to share between threads."""

    __slots__ = ("_contract", "_converters", "_defaults", "_what", "trigger")

    def __init__(self, trigger: str, contract: Contract) -> None:
        self.trigger = trigger
        self._what = f"payload of trigger {trigger!r}"
        self._contract = contract
        where = f"trigger {trigger!r} ({contract.name or 'fields'})"
        self._converters: dict[str, Converter] = {}
        if not contract.is_model:
            for item in contract.fields:
                self._converters[item.name] = converter(item.annotation, f"{where}, field {item.name}", strict=True)
        self._defaults = dict(_stored_defaults(contract))

    @property
    def fields(self) -> tuple[PayloadField, ...]:
        """The contract's fields, in their order."""
        return tuple(item.definition for item in self._contract.fields)

    def accept(self, value: Any = None) -> Accepted:
        """Check a payload, given as an instance of the contract or as a mapping, and complete it with defaults.

        Raises PayloadError, whose details say which fields are missing, unknown or of another type, and never what was
        given; and EncodingError for a value of an unchecked field that cannot be stored.
        """
        contract = self._contract
        if value is None:
            value = {}
        if contract.cls is not None and isinstance(value, contract.cls):
            return self._accept_model(value) if contract.is_model else self._accept_instance(value)
        if not isinstance(value, Mapping):
            expected = f"{contract.name} or a mapping" if contract.name else "a mapping"
            found = class_of(value).__name__
            raise self._refuse(f"expected {expected}, not {found}", {"expected": expected})
        mapping = cast("Mapping[str, Any]", value)
        if contract.is_model:
            return self._accept_model(self._validate(mapping))
        given = self._check(mapping)
        if contract.cls is None:
            return Accepted(given, given)
        return Accepted(self._complete(given), self._without_defaults(given))

    def accept_again(self, payload: Mapping[str, Any]) -> Accepted:
        """The same for a whole payload as a run has it, plain JSON: what the contract computes is computed anew.

        Raises as `accept` does, where the contract is another now.
        """
        computed = set(getattr(self._contract.cls, "model_computed_fields", ()))
        computed |= {item.name for item in self._contract.fields if not item.settable}
        names = {item.name: item.alias for item in self._contract.fields if isinstance(item.alias, str)}
        given = {names.get(name, name): decode(plain) for name, plain in payload.items() if name not in computed}
        return self.accept(given)

    def _accept_instance(self, value: Any) -> Accepted:
        fields = self._contract.fields
        given = self._check({item.name: getattr(value, item.name) for item in fields if item.settable})
        rest = {item.name: getattr(value, item.name) for item in fields if not item.settable}
        return Accepted({**given, **encode_mapping(rest, self._what)}, self._without_defaults(given))

    def _accept_model(self, value: Any) -> Accepted:
        given = value.model_dump(exclude_unset=True, exclude_defaults=True)
        return Accepted(encode_mapping(value.model_dump(), self._what), encode_mapping(given, self._what))

    def _validate(self, value: Mapping[str, Any]) -> Any:
        """The model of a mapping; its own rules decide what is accepted, but for names that it does not know."""
        unknown = sorted(str(name) for name in value if name not in self._contract.known)
        try:
            instance = converter(self._contract.cls, self._what)(decode(encode(dict(value), self._what)))
        except ContractError as error:
            missing = [v.place for v in error.violations if v.found == MISSING]
            invalid = {v.place: v.expected for v in error.violations if v.found != MISSING}
            raise self._refuse_fields(missing, unknown, invalid) from None
        if unknown:
            raise self._refuse_fields([], unknown, {})
        return instance

    def _check(self, value: Mapping[str, Any]) -> dict[str, Any]:
        """The values of the given fields, as they are stored."""
        settable = [item for item in self._contract.fields if item.settable]
        names = {item.name for item in settable}
        missing = [item.name for item in settable if item.required and item.name not in value]
        unknown = sorted(str(name) for name in value if name not in names)
        invalid: dict[str, str] = {}
        checked: dict[str, Any] = {}
        for item in settable:
            if item.name in value:
                try:
                    checked[item.name] = self._stored(item.name, value[item.name])
                except ContractError as error:
                    invalid |= {v.place: v.expected for v in below(item.name, error)}
        if missing or unknown or invalid:
            raise self._refuse_fields(missing, unknown, invalid)
        return checked

    def _stored(self, name: str, value: Any) -> Any:
        convert = self._converters[name]
        what = f"{self._what}, field {name!r}"
        plain = encode(value, what)
        if convert is as_is:
            return plain
        converted = convert(decode(plain))
        try:
            return encode(converted, what)
        except EncodingError:  # an annotation may name a kind, such as a set, that only bodies see
            return plain

    def _complete(self, given: dict[str, Any]) -> dict[str, Any]:
        contract = self._contract
        values = {name: self._converters[name](decode(plain)) for name, plain in given.items()}
        try:
            instance = contract.cls(**values)
        except Exception as error:  # noqa: BLE001  # __post_init__ is the author's
            problem = f"{contract.name} refused it ({type(error).__name__})"
            raise self._refuse(problem, {"refused_by": contract.name}) from None
        return encode_mapping({item.name: getattr(instance, item.name) for item in contract.fields}, self._what)

    def _without_defaults(self, given: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in given.items() if self._defaults.get(name, _NONE) != value}

    def _refuse_fields(self, missing: list[str], unknown: list[str], invalid: Mapping[str, str]) -> PayloadError:
        parts = {"missing_fields": missing, "unknown_fields": unknown, "invalid_types": invalid}
        sentences = [f"{name} is missing" for name in missing]
        sentences += [f"{name} is unknown" for name in unknown]
        sentences += [f"{name} must be {expected}" for name, expected in invalid.items()]
        return self._refuse("; ".join(sentences), {name: part for name, part in parts.items() if part})

    def _refuse(self, problem: str, details: Mapping[str, Any]) -> PayloadError:
        return PayloadError(f"{self._what}: {problem}", details=details)

    def __repr__(self) -> str:
        return f"<PayloadContract {self._contract.name or 'of fields'} of trigger {self.trigger!r}>"


def _stored_defaults(contract: Contract) -> Iterator[tuple[str, Any]]:
    """The defaults that are the same for every start, as they are stored."""
    for item in contract.fields:
        if item.default is not _NONE:
            with suppress(EncodingError):  # the first start that uses it says so
                yield item.name, encode(item.default, item.name)


def _model_fields(cls: Any) -> tuple[ContractField, ...]:
    return tuple(
        ContractField(name, info.annotation, info.is_required(), alias=getattr(info, "validation_alias", None))
        for name, info in cls.model_fields.items()
    )


def _dataclass_contract(cls: Any) -> Contract:
    for parameter in inspect.signature(cls).parameters:
        if parameter not in {item.name for item in dataclasses.fields(cls)}:
            fault = f"{cls.__name__} takes {parameter}, which it does not keep, so it cannot be stored"
            return Contract(cls.__name__, fault=fault)
    hints = hints_of_class(cls)
    return Contract(cls.__name__, tuple(_dataclass_field(item, hints) for item in dataclasses.fields(cls)), cls)


def _dataclass_field(item: Any, hints: Mapping[str, Any]) -> ContractField:
    optional = item.default is not dataclasses.MISSING or item.default_factory is not dataclasses.MISSING
    return ContractField(
        item.name,
        hints.get(item.name, Any),
        required=item.init and not optional,
        settable=item.init,
        default=_constant(item),
    )


def _constant(item: Any) -> Any:
    """The field's default where that is the same for every start; a factory may give another each time."""
    if item.default is not dataclasses.MISSING:
        return item.default
    factory: Any = item.default_factory
    return _EMPTY.get(typing.get_origin(factory) or factory, _NONE)
