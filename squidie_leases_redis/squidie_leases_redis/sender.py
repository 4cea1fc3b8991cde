"""Sending hints: from one thread, after the commits that they are about."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from squidie_leases_redis.hints import encode_hints
from squidie_leases_redis.server import FAILURES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from squidie_leases_redis.lines import Line
    from squidie_leases_redis.server import Client

_GATHER = 0.005
"""Seconds between two sendings; what comes meanwhile goes together, one hint a queue."""
_FLUSH = 2.0
"""Seconds for what is left when the notifier is closed."""


class Sender:
    """Hands hints to Redis. `hint` and `probe` return at once and never raise, from any thread.

    Hints that cannot be sent wait until the server is back. The thread starts with the first of them.
    """

    def __init__(self, line: Line, channel: str) -> None:
        self._line = line
        self._channel = channel
        self._changed = threading.Condition()
        self._counts: dict[str, int] = {}
        self._probed: str | None = None
        self._closed = False
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def hint(self, queues: Mapping[str, int]) -> None:
        """Tell that so many runs of each queue are due."""
        if queues:
            with self._changed:
                self._add(queues)
                self._begin()

    def probe(self, channel: str) -> None:
        """Send something to this channel."""
        with self._changed:
            self._probed = channel
            self._begin()

    def close(self) -> None:
        """Send what is left, if the server takes it."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._closing.set()
        if self._thread is not None:
            self._thread.join(_FLUSH)

    def _add(self, queues: Mapping[str, int]) -> None:
        for queue, count in queues.items():
            self._counts[queue] = self._counts.get(queue, 0) + count

    def _take_back(self, counts: Mapping[str, int], probed: str | None) -> None:
        with self._changed:
            self._add(counts)
            self._probed = self._probed or probed

    def _begin(self) -> None:
        if self._closed:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="squidie-notifier-sender", daemon=True)
            self._thread.start()
        self._changed.notify()

    def _run(self) -> None:
        while self._await():
            try:
                with self._line.client() as client:
                    while self._await():
                        self._send(client)
                        self._closing.wait(_GATHER)
            except FAILURES as error:
                if self._closing.is_set():
                    return
                self._line.failed(error)
                self._closing.wait(self._line.pause())

    def _await(self) -> bool:
        """Wait for something to send; False where nothing more will come."""
        with self._changed:
            while not (self._counts or self._probed or self._closed):
                self._changed.wait()
            return bool(self._counts or self._probed)

    def _send(self, client: Client) -> None:
        with self._changed:
            counts, self._counts = self._counts, {}
            probed, self._probed = self._probed, None
        try:
            if counts:
                client.publish(self._channel, encode_hints(counts))
            if probed is not None:
                client.publish(probed, "")
        except FAILURES:
            self._take_back(counts, probed)
            raise
        self._line.works()
