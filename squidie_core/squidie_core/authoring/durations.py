"""Durations: a `timedelta` or seconds where people write them, integer milliseconds where they are kept."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any, TypeAlias

Duration: TypeAlias = timedelta | float
"""A `timedelta`, or seconds."""

_LONGEST = timedelta.max // timedelta(milliseconds=1)


def milliseconds(value: Any) -> int:
    """The duration in milliseconds, rounded up, so that nothing happens too early.

    Raises ValueError for what is no duration, is negative, infinite or not a number.
    """
    if isinstance(value, timedelta):
        exact, rest = divmod(value, timedelta(milliseconds=1))
        result = exact + bool(rest)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        if not math.isfinite(value):
            raise ValueError("must be finite")
        # Through microseconds: 0.1 s is 100 ms although 0.1 * 1000 is a little more in other cases.
        result = math.ceil(round(value * 1_000_000) / 1_000)
    else:
        raise ValueError("must be a timedelta or a number of seconds")  # noqa: TRY004  # one error for every bad duration
    if result < 0:
        raise ValueError("must not be negative")
    if result > _LONGEST:
        raise ValueError("is too long")
    return result
