"""User values as plain JSON, and back.

`datetime`, `date`, `time`, `timedelta`, `UUID`, `Decimal` and `bytes` come back as what they were: they are stored as
`{"$squidie": <tag>, "value": <text>}`, and a mapping that has the key `$squidie` itself is stored with the tag `dict`.
Dataclasses are stored as mappings, enum members as their values, pydantic models as their fields; these come back as
what they were only where an annotation says so, because decoding never imports.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Protocol, cast, runtime_checkable
from uuid import UUID

from squidie_core.errors import EncodingError
from squidie_core.journal.entries import Json

TAG = "$squidie"
MAX_DEPTH = 64
MAX_INTEGER_BITS = 4096
MAX_VALUE_BYTES = 256 * 1024


@runtime_checkable
class _Model(Protocol):
    """A pydantic model, known by its form: pydantic is never imported."""

    def model_dump(self) -> dict[str, Any]: ...


def _timedelta_text(value: timedelta) -> str:
    return str(value // timedelta(microseconds=1))


def _timedelta(text: str) -> timedelta:
    return timedelta(microseconds=int(text))


_WRITE: dict[type, tuple[str, Callable[[Any], str]]] = {
    datetime: ("datetime", datetime.isoformat),
    date: ("date", date.isoformat),
    time: ("time", time.isoformat),
    timedelta: ("timedelta", _timedelta_text),
    UUID: ("uuid", str),
    Decimal: ("decimal", str),
    bytes: ("bytes", lambda value: base64.b64encode(value).decode("ascii")),
}
_READ: dict[str, Callable[[str], Any]] = {
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "timedelta": _timedelta,
    "uuid": UUID,
    "decimal": Decimal,
    "bytes": base64.b64decode,
}
_HINTS: dict[type, str] = {
    set: "use a sorted list",
    frozenset: "use a sorted list",
    complex: "use two numbers",
    bytearray: "use bytes(...)",
}


def encode(value: Any, what: str) -> Json:
    """`value` as plain JSON that shares nothing with it. `what` names it in errors, such as `result of step 'cross'`.

    Raises EncodingError with `details["path"]` where a part cannot be stored.
    """
    return _encode(value, what, "", 0)


def encode_mapping(value: Mapping[str, Any], what: str) -> dict[str, Json]:
    """`value` as a plain JSON mapping; a key `$squidie` stays as it is at the top."""
    return {_key(key, what, ""): _encode(item, what, f".{key}", 1) for key, item in value.items()}


def decode(value: Json) -> Any:
    """What `encode` was given, except where only an annotation can say what it was."""
    if isinstance(value, dict):
        plain = cast("dict[str, Json]", value)
        if TAG in plain:
            return _untag(plain)
        return {key: decode(item) for key, item in plain.items()}
    if isinstance(value, list):
        return [decode(item) for item in cast("Sequence[Json]", value)]
    return value


def decode_mapping(plain: Mapping[str, Json]) -> dict[str, Any]:
    """What `encode_mapping` was given: at the top, the key `$squidie` is a key as any other."""
    return {key: decode(value) for key, value in plain.items()}


def _untag(plain: dict[str, Json]) -> Any:
    tag, inner = plain[TAG], plain.get("value")
    if tag == "dict" and isinstance(inner, dict):
        return {key: decode(item) for key, item in cast("dict[str, Json]", inner).items()}
    read = _READ.get(tag) if isinstance(tag, str) else None
    return read(inner) if read is not None and isinstance(inner, str) else plain


def _encode(value: Any, what: str, path: str, depth: int) -> Json:
    kind = cast("type[object]", type(value))
    if kind is str:
        return _text(value)
    if value is None or kind is bool:
        return value
    if kind is int:
        return _integer(value, what, path)
    if kind is float:
        return _number(value, what, path)
    if depth > MAX_DEPTH:
        raise _refuse(what, path, f"is nested deeper than {MAX_DEPTH} levels", "flatten it")
    if kind is dict:
        return _mapping(value, what, path, depth)
    if kind is list or kind is tuple:
        return [_encode(item, what, f"{path}[{i}]", depth + 1) for i, item in enumerate(value)]
    if kind in _WRITE:
        tag, write = _WRITE[kind]
        return {TAG: tag, "value": write(value)}
    return _encode_other(value, what, path, depth)


def _encode_other(value: Any, what: str, path: str, depth: int) -> Json:
    """Everything that the exact types above did not settle: enums, dataclasses, models, subclasses."""
    if isinstance(value, Enum):
        return _encode(value.value, what, path, depth + 1)
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: _encode(getattr(value, f.name), what, f"{path}.{f.name}", depth + 1) for f in fields(value)}
    if isinstance(value, _Model) and not isinstance(value, type):
        return _mapping(value.model_dump(), what, path, depth + 1)
    if isinstance(value, str):
        return _text(str.__str__(value))
    if isinstance(value, int):
        return _integer(int(value), what, path)
    if isinstance(value, float):
        return _number(float(value), what, path)
    if isinstance(value, Mapping):
        return _mapping(dict(cast("Mapping[object, Any]", value)), what, path, depth)
    if isinstance(value, list | tuple):
        items = cast("Sequence[Any]", value)
        return [_encode(item, what, f"{path}[{i}]", depth + 1) for i, item in enumerate(items)]
    for base, (tag, write) in _WRITE.items():
        if isinstance(value, base):
            return {TAG: tag, "value": write(value)}
    hint = _HINTS.get(
        cast("type[object]", type(value)), "return plain data: str, int, float, bool, None, list, dict, a dataclass"
    )
    raise _refuse(what, path, f"is a {type(value).__qualname__}, which cannot be stored", hint)


def _mapping(value: Mapping[Any, Any], what: str, path: str, depth: int) -> Json:
    plain = {_key(key, what, path): _encode(item, what, f"{path}.{key}", depth + 1) for key, item in value.items()}
    return {TAG: "dict", "value": plain} if TAG in plain else plain


def _key(key: object, what: str, path: str) -> str:
    if isinstance(key, str):
        return _text(str.__str__(key))
    raise _refuse(what, path, f"has a key that is a {type(key).__qualname__}", "use str keys")


def _text(value: str) -> str:
    """The text as JSON gives it back: the two halves of a surrogate pair are one character."""
    return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def _integer(value: int, what: str, path: str) -> int:
    if value.bit_length() <= MAX_INTEGER_BITS:
        return value
    raise _refuse(what, path, f"is an integer of more than {MAX_INTEGER_BITS} bits", "use a str")


def _number(value: float, what: str, path: str) -> float:
    if math.isfinite(value):
        return value
    raise _refuse(what, path, f"is {value}, which JSON does not have", "use None or a str")


def _refuse(what: str, path: str, problem: str, hint: str) -> EncodingError:
    place = f"{what}, at {path.lstrip('.')}" if path else what
    return EncodingError(f"{place}: the value {problem}; {hint}", details={"what": what, "path": path.lstrip(".")})
