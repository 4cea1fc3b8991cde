"""Entries as text and back.

A commit's entries are one JSON array, printable ASCII. An entry is an object with its `type`, its fields, and its
version `v` where that is above 1; fields that have their default are left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import MISSING, fields
from operator import attrgetter
from typing import Any, NamedTuple, cast

from squidie_core.definition.model import RetryPolicy
from squidie_core.errors import Corrupt, TooLarge, UnknownVersion
from squidie_core.journal.dynamic import WorkEdge, WorkNode, WorkOrigin
from squidie_core.journal.entries import ENTRY_CLASSES, Deadline, Decision, Entry, Json, Runnable
from squidie_core.journal.values import MAX_VALUE_BYTES

READER_VERSION = 1
"""The newest journal version that this code reads."""

MAX_COMMIT_BYTES = 1024 * 1024

to_json: Callable[[Any], str] = json.JSONEncoder(
    separators=(",", ":"), ensure_ascii=True, check_circular=False, allow_nan=False
).encode
from_json: Callable[[str], Any] = json.JSONDecoder().decode
_BY_TYPE: dict[str, type[Entry]] = {cls.TYPE: cls for cls in ENTRY_CLASSES}


class _Shape(NamedTuple):
    """What the fields of a class are: `required` are always written, those with a default only where they differ."""

    required: tuple[str, ...]
    values: Callable[[Any], Sequence[Any]]
    """Of the required ones."""
    optional: tuple[tuple[str, Any], ...]
    records: tuple[str, ...]
    """Fields whose values are records themselves, or tuples."""


def _shape(cls: type[Any]) -> _Shape:
    required: list[str] = []
    optional: list[tuple[str, Any]] = []
    for item in fields(cls):
        if item.default is MISSING and item.default_factory is MISSING:
            required.append(item.name)
        else:
            default = item.default if item.default_factory is MISSING else item.default_factory()
            optional.append((item.name, default))
    names = [item.name for item in fields(cls) if _HOLDS_RECORDS(str(item.type))]
    values = attrgetter(*required) if len(required) > 1 else _one_by_one(required)
    return _Shape(tuple(required), values, tuple(optional), tuple(names))


def _one_by_one(names: Sequence[str]) -> Callable[[Any], Sequence[Any]]:
    """For less than two names `attrgetter` gives no tuple."""

    def values(record: Any) -> Sequence[Any]:
        return [getattr(record, name) for name in names]

    return values


_RECORDS = (Runnable, Decision, Deadline, WorkOrigin, WorkNode, WorkEdge, RetryPolicy)
_HOLDS_RECORDS = re.compile(r"tuple\[|" + "|".join(rf"\b{cls.__name__}\b" for cls in _RECORDS)).search
_SHAPES: dict[type[Any], _Shape] = {cls: _shape(cls) for cls in (*ENTRY_CLASSES, *_RECORDS)}


def to_plain(entry: Entry) -> dict[str, Json]:
    """The entry as plain JSON."""
    plain: dict[str, Json] = {"type": entry.TYPE}
    _fill(plain, entry)
    return plain


def _fill(plain: dict[str, Json], record: Any) -> dict[str, Json]:
    shape = _SHAPES[type(record)]
    plain.update(zip(shape.required, shape.values(record), strict=True))
    for name, default in shape.optional:
        value = getattr(record, name)
        if value is not default and value != default:
            plain[name] = value
    for name in shape.records:
        if name in plain:
            value = plain[name]
            if value.__class__ is tuple:
                plain[name] = [_fill({}, item) if type(item) in _SHAPES else item for item in value]
            elif value.__class__ in _SHAPES:
                plain[name] = _fill({}, value)
    return plain


def encode_entries(entries: Sequence[Entry]) -> str:
    """The text of the entries of one append. Raises TooLarge where it exceeds what a commit may hold."""
    body = to_json([to_plain(entry) for entry in entries])
    if len(body) > MAX_VALUE_BYTES:
        _check_sizes(entries, body)
    return body


def _check_sizes(entries: Sequence[Entry], body: str) -> None:
    for entry in entries:
        for name, value in to_plain(entry).items():
            size = len(to_json(value))
            if size > MAX_VALUE_BYTES and name not in ("runnables", "nodes"):
                raise TooLarge(
                    f"{name} of {entry.TYPE} takes {size:,} bytes, a value may take {MAX_VALUE_BYTES:,}; "
                    "keep large data elsewhere and store a reference to it",
                    details={"entry": entry.TYPE, "field": name, "bytes": size, "limit": MAX_VALUE_BYTES},
                )
    if len(body) > MAX_COMMIT_BYTES:
        raise TooLarge(
            f"the entries of one commit take {len(body):,} bytes, they may take {MAX_COMMIT_BYTES:,}; "
            "keep large data elsewhere and store a reference to it",
            details={"bytes": len(body), "limit": MAX_COMMIT_BYTES},
        )


def decode_entries(body: str) -> list[Entry]:
    """The entries that `encode_entries` gave this text for.

    Raises UnknownVersion for entries of a newer version, Corrupt for anything else that it never wrote.
    """
    try:
        return [from_plain(item) for item in _items(body)]
    except (UnknownVersion, Corrupt):
        raise
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise Corrupt(f"the entries cannot be read: {type(error).__name__}") from error


def _items(body: str) -> Sequence[dict[str, Json]]:
    if not body.isascii():  # a damaged byte may leave valid JSON
        raise ValueError("not ASCII")
    items: object = from_json(body)
    if not isinstance(items, list):
        raise TypeError("not a list")
    return cast("Sequence[dict[str, Json]]", items)


def from_plain(plain: dict[str, Json]) -> Entry:
    """The entry that `to_plain` gave this for, which is used up. Raises as `decode_entries` does, and what is wrong."""
    kind = plain.pop("type")
    cls = _BY_TYPE.get(kind)
    if cls is None or plain.pop("v", 1) > READER_VERSION:
        raise UnknownVersion(
            f"an entry of type {kind!r} is newer than this Squidie reads; upgrade this process",
            details={"type": kind, "reader_version": READER_VERSION},
        )
    revive = _REVIVE.get(kind)
    if revive is not None:
        revive(plain)
    if type(plain.get("at")) is not int:
        raise Corrupt(f"an entry of type {kind!r} has no time")
    return cls(**plain)


def _revive_planned(plain: dict[str, Json]) -> None:
    plain["runnables"] = tuple(_runnable(item) for item in plain["runnables"])


def _runnable(plain: dict[str, Any]) -> Runnable:
    _revive_deadline(plain)
    return Runnable(**plain)


def _revive_deadline(plain: dict[str, Json]) -> None:
    if "deadline" in plain:
        plain["deadline"] = Deadline(**plain["deadline"])


def _revive_applied(plain: dict[str, Json]) -> None:
    if plain.get("decision") is not None:
        plain["decision"] = Decision(**plain["decision"])


def _revive_started(plain: dict[str, Json]) -> None:
    plain["tags"] = tuple(plain.get("tags", ()))


def _revive_dynamic_work(plain: dict[str, Json]) -> None:
    for node in plain["nodes"]:
        if node.get("retry") is not None:
            node["retry"] = RetryPolicy(**node["retry"])
    plain["origin"] = WorkOrigin(**plain["origin"])
    plain["nodes"] = tuple(WorkNode(**node) for node in plain["nodes"])
    plain["edges"] = tuple(WorkEdge(**edge) for edge in plain["edges"])


def _revive_compensation(plain: dict[str, Json]) -> None:
    plain["steps"] = tuple(plain["steps"])


_REVIVE: dict[str, Callable[[dict[str, Json]], None]] = {
    "runnables_planned": _revive_planned,
    "runnable_applied": _revive_applied,
    "run_started": _revive_started,
    "manual_step_paused": _revive_deadline,
    "dynamic_work_recorded": _revive_dynamic_work,
    "compensation_started": _revive_compensation,
}
