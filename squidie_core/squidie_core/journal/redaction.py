"""Keeping secrets out of what is stored: values under secret-looking keys, credentials in URLs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import cast

from squidie_core.journal.entries import Json

REDACTED = "[REDACTED]"

_SECRET_KEYS = frozenset(
    {
        "access_token",
        "api_key",
        "apikey",
        "authorization",
        "claim_token",
        "credential",
        "credentials",
        "password",
        "passwd",
        "private_key",
        "refresh_token",
        "secret",
        "token",
    }
)
_URL_CREDENTIALS = re.compile(r"://[^\s/'\"]+@")


def redact(value: Json) -> Json:
    """The plain JSON value with whatever stands under a secret-looking key replaced, at any depth."""
    if isinstance(value, Mapping):
        items = cast("Mapping[str, Json]", value)
        return {key: REDACTED if key.lower() in _SECRET_KEYS else redact(item) for key, item in items.items()}
    if isinstance(value, list):
        return [redact(item) for item in cast("Sequence[Json]", value)]
    return value


def scrub(text: str) -> str:
    """The text without the user names and passwords of the URLs in it."""
    return _URL_CREDENTIALS.sub(f"://{REDACTED}@", text)
