"""Texts without passwords."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterable

MASK = "***"


class Scrubber:
    """Masks the secrets that it was given, in any of the spellings that a URL allows."""

    __slots__ = ("_spellings",)

    def __init__(self, secrets: Iterable[str]) -> None:
        spellings = {
            form for secret in secrets if secret for form in (secret, quote(secret, safe=""), quote_plus(secret))
        }
        self._spellings = sorted(spellings, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """The text with a mask for each secret."""
        for spelling in self._spellings:
            text = text.replace(spelling, MASK)
        return text

    def cause(self, error: BaseException) -> BaseException | None:
        """The error as the cause of another, unless it holds a secret."""
        text = f"{error}{error!r}"
        return error if self(text) == text else None

    def __repr__(self) -> str:
        return f"<Scrubber of {len(self._spellings)} spellings>"
