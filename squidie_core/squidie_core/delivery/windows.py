"""The windows of a cron trigger, which a library that the core does not require reads out of its expression."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TypeAlias

from squidie_core.authoring.schedules import zone_of
from squidie_core.authoring.triggers import Window
from squidie_core.errors import PluginError

ReadTimes: TypeAlias = Callable[[str, datetime], Iterator[datetime]]
"""Gives the times of an expression after a moment, in the moment's time zone. Raises ValueError."""


def cron_library() -> ReadTimes:
    """What reads cron expressions. Raises PluginError where it is not installed."""
    try:
        from cronsim import CronSim, CronSimError  # noqa: PLC0415  # for those who make a scheduler
    except ImportError:
        raise PluginError(
            "a Scheduler reads cron expressions with cronsim, which is not installed; "
            "pip install 'squidie-core[scheduler]'",
            code="missing_library",
            details={"library": "cronsim", "extra": "scheduler"},
        ) from None

    def read(expression: str, after: datetime) -> Iterator[datetime]:
        try:
            return CronSim(expression, after)
        except CronSimError as problem:
            raise ValueError(str(problem)) from None

    return read


def windows_after(read: ReadTimes, expression: str, timezone: str, after: datetime) -> Iterator[Window]:
    """The windows that begin after the moment: each from one time of the expression to the next, in UTC.

    Where clocks change it is as with Debian's cron. An expression whose minute or hour begins with a star goes by the
    hours that pass: none in the hour that is left out, twice in the one that is repeated. Any other goes by the clock
    on the wall: what falls into the hour that is left out comes right after it, and what falls into the one that is
    repeated comes once, in the first of both. Raises ValueError.
    """
    return _pairs(read(expression, after.astimezone(zone_of(timezone))), after)


def _pairs(times: Iterator[datetime], after: datetime) -> Iterator[Window]:
    for start, end in pairwise(_rising(times, after)):
        yield Window(start, end)


def _rising(times: Iterator[datetime], after: datetime) -> Iterator[datetime]:
    """The times in UTC, without those that go back: seen from a repeated hour, a time in the first of both is over."""
    for time in times:
        at = time.astimezone(UTC)
        if at > after:
            after = at
            yield at


def delay_of(workflow: str, trigger: str, window: Window, jitter: timedelta) -> timedelta:
    """How long after its beginning the window's run is started: the same for everybody, and less than the window."""
    if not jitter or window.end is None:
        return timedelta(0)
    seed = f"{workflow}\0{trigger}\0{window.start.isoformat()}"
    part = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big") / 2**64
    return min(jitter, window.end - window.start) * part
