"""Time and chance as one world has them: all follows from what is done in it, so what goes wrong goes wrong again."""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager
from unittest.mock import patch

from squidie_core.runtime import ids
from tests.clocks import Clock


class _Alarm(logging.Handler):
    """What cannot be decided or read is put aside for the sake of the other runs. Here nothing may be."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info or record.name == "squidie.store":
            raise AssertionError(record.getMessage()) from (record.exc_info or (None, None))[1]


@contextmanager
def alarmed() -> Generator[None]:
    """Raise AssertionError where the runtime puts a run aside."""
    alarm = _Alarm(logging.ERROR)
    log = logging.getLogger("squidie")
    log.addHandler(alarm)
    try:
        yield
    finally:
        log.removeHandler(alarm)


@contextmanager
def virtual(clock: Clock) -> Generator[None]:
    """All time of this process is the clock's, whoever sleeps turns it, and random ids are the same each time."""

    def sleep(seconds: float) -> None:
        clock.now += max(1, round(seconds * 1000))

    ids._source.seed(0)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # random on purpose elsewhere
    with (
        patch("time.monotonic", lambda: clock.now / 1000),
        patch("time.time_ns", lambda: clock.now * 1_000_000),
        patch("time.sleep", sleep),
        patch("squidie_core.decisions.draft.REVOCABLE_FROM", 8),  # what long runs alone do else
    ):
        yield
