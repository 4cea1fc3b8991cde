"""Signals as CloudEvents 1.0 in the structured mode of its JSON format, for queues and hooks between systems.

See https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

from squidie_core.errors import OptionError
from squidie_core.journal.codec import to_json
from squidie_core.journal.entries import Json
from squidie_core.journal.identity import derived_id
from squidie_core.signals.checks import is_moment
from squidie_core.signals.signal import Signal

SPECVERSION = "1.0"
TYPE_PREFIX = "squidie.command."
SOURCE = "urn:squidie"

_TEXTS = ("id", "source", "type", "subject")
_KNOWN = {*_TEXTS, "specversion", "time", "datacontenttype", "data"}
_EXTENSION = re.compile(r"[a-z0-9]+")
_DATA = {"payload", "metadata", "idempotency_key"}


def to_cloudevent(signal: Signal, /, *, source: str = SOURCE) -> dict[str, Json]:
    """The signal's envelope, plain JSON. The same signal from the same source always has the same `id`."""
    data: dict[str, Json] = {"payload": dict(signal.payload), "metadata": dict(signal.metadata)}
    if signal.idempotency_key is not None:
        data["idempotency_key"] = signal.idempotency_key
    at = signal.occurred_at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return {
        "specversion": SPECVERSION,
        "id": derived_id(source, signal.type, at, to_json(data)),
        "source": source,
        "type": f"{TYPE_PREFIX}{signal.type}",
        "subject": signal.subject,
        "time": at,
        "datacontenttype": "application/json",
        "data": data,
    }


def from_cloudevent(event: Mapping[str, Any], /, *, source: str | None = None) -> Signal:
    """The signal in an envelope; from that source alone, where one is given. Extension attributes are left aside.

    Raises OptionError: code `invalid_cloudevent` for what is no such envelope, whose details say the `field` and the
    `reason`, and as Signal does for what it holds.
    """
    for name in map(str, event):
        if name not in _KNOWN and (name == "data_base64" or not _EXTENSION.fullmatch(name)):
            raise _refuse(name, "unsupported")
    for name in _TEXTS:
        if not isinstance(event.get(name), str) or not event[name]:
            raise _refuse(name, "expected_non_empty_string")
    if event.get("specversion") != SPECVERSION:
        raise _refuse("specversion", "unsupported")
    if event.get("datacontenttype", "application/json") != "application/json":
        raise _refuse("datacontenttype", "unsupported")
    if source is not None and event["source"] != source:
        raise _refuse("source", "mismatch")
    if not event["type"].startswith(TYPE_PREFIX):
        raise _refuse("type", "unsupported")
    if not is_moment(event.get("time")):
        raise _refuse("time", "expected_datetime")
    signal = _signal(event["type"].removeprefix(TYPE_PREFIX), event.get("data"), datetime.fromisoformat(event["time"]))
    if signal.subject != event["subject"]:
        raise _refuse("subject", "mismatch")
    return signal


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
