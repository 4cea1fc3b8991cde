"""The connections of a notifier: one for each of its threads, made again whenever one is lost."""

from __future__ import annotations

import logging
import random
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg

from squidie_storage_sql.postgresql.connections import DEFAULTS, ignore

if TYPE_CHECKING:
    from collections.abc import Generator

    from sqlalchemy.engine import URL

    from squidie_storage_sql.database import Row
    from squidie_storage_sql.scrubbing import Scrubber

_log = logging.getLogger("squidie.notifier")

FAILURES = (psycopg.Error, OSError)
"""What an outage raises."""
_SHORTEST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0


class Line:
    """How one thread reaches the server, and how often it has failed to."""

    def __init__(self, url: URL, scrub: Scrubber, purpose: str) -> None:
        defaults = DEFAULTS | {"fallback_application_name": "squidie-notifier"}
        self._settings: dict[str, Any] = {name: value for name, value in defaults.items() if name not in url.query}
        self._settings |= url.get_dialect()().create_connect_args(url)[1]
        self._scrub = scrub
        self._purpose = purpose
        self._failures = 0

    @contextmanager
    def connection(self) -> Generator[psycopg.Connection[Row]]:
        """A connection that commits each statement and prepares none, so that poolers of any kind may be between."""
        connection = psycopg.connect(**self._settings, autocommit=True, prepare_threshold=None)
        connection.add_notify_handler(ignore)
        try:
            yield connection
        finally:
            connection.close()

    def works(self) -> None:
        """The server has answered."""
        self._failures = 0

    def failed(self, error: Exception) -> None:
        """Count a failure; the first one is told."""
        self._failures += 1
        if self._failures == 1:
            _log.warning("%s for now, workers look for themselves: %s", self._purpose, self._scrub(str(error).strip()))

    def pause(self) -> float:
        """Seconds until the next try: longer after each failure, and never the same for two processes."""
        most = min(_SHORTEST_PAUSE * 2.0 ** min(self._failures, 10), _LONGEST_PAUSE)
        return most * random.uniform(0.5, 1)  # noqa: S311 -- spreads retries, guards nothing
