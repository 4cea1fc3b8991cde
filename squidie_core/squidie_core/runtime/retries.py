"""Retry policies that are given at run time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, cast

from squidie_core.authoring import Backoff, Retry, milliseconds
from squidie_core.definition.model import RetryPolicy

MAX_ATTEMPTS = 1_000
_MAPPING = ("max_attempts", "min", "max", "factor", "jitter")


def retry_policy(given: Any) -> RetryPolicy | None:
    """The policy that a Retry, a number of attempts or a mapping with `max_attempts` means. Raises ValueError."""
    if given is None:
        return None
    retry = _read(given)
    attempts: Any = retry.attempts
    if not isinstance(attempts, int) or isinstance(attempts, bool) or not 1 <= attempts <= MAX_ATTEMPTS:
        raise ValueError(f"its retry is not of 1 to {MAX_ATTEMPTS} attempts")
    if retry.retry_on or retry.give_up_on:
        raise ValueError("its retry names exceptions, which is the action's to say: Action(body, retry_on=...)")
    backoff: Any = retry.backoff
    if backoff is None:
        return RetryPolicy(max_attempts=attempts)
    if not isinstance(backoff, Backoff):
        raise ValueError(f"its backoff is a {type(backoff).__name__}; pass Backoff(min=1, max=30)")  # noqa: TRY004
    factor: Any = backoff.factor
    if not isinstance(factor, int | float) or isinstance(factor, bool) or not math.isfinite(factor) or factor < 1:
        raise ValueError("its backoff's factor is no number of 1 or more")
    shortest, longest = milliseconds(backoff.min), milliseconds(backoff.max)
    return RetryPolicy(
        max_attempts=attempts, min=shortest, max=longest, factor=float(factor), jitter=bool(backoff.jitter)
    )


def _read(given: Any) -> Retry:
    if isinstance(given, Retry):
        return given
    if isinstance(given, Mapping):
        values = dict(cast("Mapping[str, Any]", given))
        attempts = values.pop("max_attempts", None)
        if not set(values) <= set(_MAPPING):
            raise ValueError(f"its retry has names beside {', '.join(_MAPPING)}")
        return Retry(attempts, Backoff(**values) if values else Backoff())
    return Retry(given)
