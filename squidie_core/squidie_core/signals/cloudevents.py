"""Signals as CloudEvents 1.0 in the structured mode of its JSON format, for queues and hooks between systems.

See https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

from squidie_core.errors import OptionError
from squidie_core.journal.entries import Json
from squidie_core.journal.identity import derived_id, digest
from squidie_core.signals.checks import is_moment
from squidie_core.signals.signal import Signal

SPECVERSION = "1.0"
TYPE_PREFIX = "squidie.command."
SOURCE = "urn:squidie"

_TEXTS = ("id", "source", "type", "subject")
_KNOWN = {*_TEXTS, "specversion", "time", "datacontenttype", "data"}
_EXTENSION = re.compile(r"[a-z0-9]+")
_URI_REFERENCE = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)
_DATA = {"payload", "metadata", "idempotency_key"}


def to_cloudevent(signal: Signal, /, *, source: str = SOURCE) -> dict[str, Json]:
    """The signal's envelope, plain JSON. The same signal from the same source always has the same `id`.

    `source` is a URI reference: who asks. Raises OptionError.
    """
    if not _matches(_URI_REFERENCE, source):
        raise _refuse("source", "expected_uri_reference")
    data: dict[str, Json] = {"payload": dict(signal.payload), "metadata": dict(signal.metadata)}
    if signal.idempotency_key is not None:
        data["idempotency_key"] = signal.idempotency_key
    at = signal.occurred_at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return {
        "specversion": SPECVERSION,
        "id": derived_id(source, signal.type, at, digest(data)),
        "source": source,
        "type": f"{TYPE_PREFIX}{signal.type}",
        "subject": signal.subject,
        "time": at,
        "datacontenttype": "application/json",
        "data": data,
    }


def from_cloudevent(event: Mapping[str, Any], /, *, source: str | None = None) -> Signal:
    """The signal in an envelope; from that source alone, where one is given. Extension attributes are left aside.

    An attribute that is null is not there, as the JSON format has it. `subject` and `time`, which other events may
    lack, a signal has. Raises OptionError: code `invalid_cloudevent` for what is no such envelope, whose details say
    the `field` and the `reason`, and as Signal does for what it holds.
    """
    if not isinstance(event, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]  # it may be any JSON
        raise _refuse("event", "expected_map")
    event = {name: value for name, value in event.items() if value is not None}
    for name in event:
        if name == "data_base64" or not (name in _KNOWN or _matches(_EXTENSION, name)):
            raise _refuse(str(name), "unsupported")
    for name in _TEXTS:
        if not isinstance(event.get(name), str) or not event[name]:
            raise _refuse(name, "expected_non_empty_string")
    if event.get("specversion") != SPECVERSION:
        raise _refuse("specversion", "unsupported")
    if not _is_json(event.get("datacontenttype", "application/json")):
        raise _refuse("datacontenttype", "unsupported")
    if source is not None and event["source"] != source:
        raise _refuse("source", "mismatch")
    if not event["type"].startswith(TYPE_PREFIX):
        raise _refuse("type", "unsupported")
    occurred_at = _time(event.get("time"))
    signal = _signal(event["type"].removeprefix(TYPE_PREFIX), event.get("data"), occurred_at)
    if signal.subject != event["subject"]:
        raise _refuse("subject", "mismatch")
    return signal


def _matches(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _is_json(media_type: object) -> bool:
    """Whether it is JSON's media type, in any case and with any parameters."""
    return isinstance(media_type, str) and media_type.partition(";")[0].strip().lower() == "application/json"


def _time(given: object) -> datetime:
    text = given.upper() if isinstance(given, str) else ""
    if not (_matches(_RFC_3339, text) and is_moment(text)):
        raise _refuse("time", "expected_datetime")
    return datetime.fromisoformat(text)


def _signal(kind: str, given: object, occurred_at: datetime) -> Signal:
    if not isinstance(given, dict):
        raise _refuse("data", "expected_map")
    data = cast("dict[str, Any]", given)
    for name in data:
        if name not in _DATA:
            raise _refuse(f"data.{name}", "unsupported")
    return Signal(
        type=kind,
        payload=data.get("payload", {}),
        metadata=data.get("metadata", {}),
        occurred_at=occurred_at.astimezone(UTC),
        idempotency_key=data.get("idempotency_key"),
    )


def _refuse(field: str, reason: str) -> OptionError:
    return OptionError(
        f"the event's {field} cannot be used: {reason.replace('_', ' ')}; to_cloudevent(signal) makes such events",
        code="invalid_cloudevent",
        details={"field": field, "reason": reason},
    )
