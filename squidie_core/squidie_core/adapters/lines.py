"""The connections of a notifier: one for each of its threads, made again whenever one is lost."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Generic, TypeVar

_log = logging.getLogger("squidie.notifier")

_SHORTEST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0

Connection = TypeVar("Connection")


class Line(Generic[Connection]):
    """How one thread reaches the server, and how often it has failed to."""

    def __init__(
        self,
        connect: Callable[[], AbstractContextManager[Connection]],
        *,
        failures: tuple[type[Exception], ...],
        scrub: Callable[[str], str],
        purpose: str,
    ) -> None:
        self.connect = connect
        """A connection that nobody has used, for a block."""
        self.failures = failures
        """What an outage raises."""
        self._scrub = scrub
        self._purpose = purpose
        self._failed = 0

    def works(self) -> None:
        """The server has answered."""
        self._failed = 0

    def has_failed(self, error: Exception) -> None:
        """Count a failure; the first one is told."""
        self._failed += 1
        if self._failed == 1:
            _log.warning("%s for now, workers look for themselves: %s", self._purpose, self._scrub(str(error).strip()))

    def pause(self) -> float:
        """Seconds until the next try: longer after each failure, and never the same for two processes."""
        most = min(_SHORTEST_PAUSE * 2.0 ** min(self._failed, 10), _LONGEST_PAUSE)
        return most * random.uniform(0.5, 1)  # noqa: S311 -- spreads retries, guards nothing
