"""All that an error says."""

from __future__ import annotations

from collections.abc import Iterator


def texts_of(error: BaseException | None) -> Iterator[str]:
    """Of the error, and of all that it says it comes from."""
    while error is not None:
        yield from (str(error), repr(error), repr(getattr(error, "details", "")))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
