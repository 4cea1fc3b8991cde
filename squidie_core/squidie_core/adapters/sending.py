"""Sending hints: from one thread, after the commits that they are about."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Generic, TypeAlias, TypeVar

from squidie_core.adapters.lines import Line

Connection = TypeVar("Connection")

Send: TypeAlias = Callable[[Connection, Mapping[str, int], str | None], None]
"""Tells, over a connection, how many runs of each queue are due; and sends something to a channel, if one is named."""

_GATHER = 0.005
"""Seconds between two sendings; what comes meanwhile goes together, one hint a queue."""
_FLUSH = 2.0
"""Seconds for what is left when the notifier is closed."""


class Sender(Generic[Connection]):
    """Hands hints to a server. `hint` and `probe` return at once and never raise, from any thread.

    Hints that cannot be sent wait until the server is back. The thread starts with the first of them. A probe that is
    left when it is closed goes out if it is `probing_to_the_end`.
    """

    def __init__(self, line: Line[Connection], send: Send[Connection], *, probing_to_the_end: bool) -> None:
        self._line = line
        self._send = send
        self._probing_to_the_end = probing_to_the_end
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
                with self._line.connect() as connection:
                    while self._await():
                        self._send_on(connection)
                        self._closing.wait(_GATHER)
            except self._line.failures as error:
                if self._closing.is_set():
                    return
                self._line.has_failed(error)
                self._closing.wait(self._line.pause())

    def _await(self) -> bool:
        """Wait for something to send; False where nothing more will come."""
        with self._changed:
            while not (self._counts or self._probed or self._closed):
                self._changed.wait()
            return bool(self._counts or (self._probed and (self._probing_to_the_end or not self._closed)))

    def _send_on(self, connection: Connection) -> None:
        with self._changed:
            counts, self._counts = self._counts, {}
            probed, self._probed = self._probed, None
        try:
            self._send(connection, counts, probed)
        except self._line.failures:
            self._take_back(counts, probed)
            raise
        self._line.works()
