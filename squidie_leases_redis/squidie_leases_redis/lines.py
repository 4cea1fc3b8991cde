"""The connections of a notifier: one for each of its threads, made again whenever one is lost."""

from __future__ import annotations

import logging
import random
from contextlib import contextmanager
from typing import TYPE_CHECKING

from squidie_leases_redis.server import connect

if TYPE_CHECKING:
    from collections.abc import Generator

    from squidie_leases_redis.addresses import Address
    from squidie_leases_redis.options import RedisOptions
    from squidie_leases_redis.server import Client

_log = logging.getLogger("squidie.notifier")

_SHORTEST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0


class Line:
    """How one thread reaches the server, and how often it has failed to."""

    def __init__(self, address: Address, options: RedisOptions, purpose: str) -> None:
        self._address = address
        self._options = options
        self._purpose = purpose
        self._failures = 0

    @contextmanager
    def client(self) -> Generator[Client]:
        """A client that nobody has used."""
        client = connect(self._address, self._options, encoding_errors="replace")  # anybody may send anything
        try:
            yield client
        finally:
            client.close()

    def works(self) -> None:
        """The server has answered."""
        self._failures = 0

    def failed(self, error: Exception) -> None:
        """Count a failure; the first one is told."""
        self._failures += 1
        if self._failures == 1:
            text = self._address.scrub(str(error).strip())
            _log.warning("%s for now, workers look for themselves: %s", self._purpose, text)

    def pause(self) -> float:
        """Seconds until the next try: longer after each failure, and never the same for two processes."""
        most = min(_SHORTEST_PAUSE * 2.0 ** min(self._failures, 10), _LONGEST_PAUSE)
        return most * random.uniform(0.5, 1)  # noqa: S311 -- spreads retries, guards nothing
