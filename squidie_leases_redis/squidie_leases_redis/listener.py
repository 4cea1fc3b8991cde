"""Hearing hints: SUBSCRIBE, and a message to oneself now and then."""

from __future__ import annotations

import secrets
import time
from contextlib import closing
from typing import TYPE_CHECKING

from squidie_core.adapters.listening import Listener
from squidie_leases_redis.hints import decode_hints
from squidie_leases_redis.server import Client

if TYPE_CHECKING:
    from collections.abc import Callable

    from squidie_core.adapters.lines import Line
    from squidie_leases_redis.options import RedisNotifierOptions


class RedisListener(Listener[Client]):
    """A node that its cluster has lost is found out by a probe, which another connection sends."""

    def __init__(
        self, line: Line[Client], channel: str, send_probe: Callable[[str], None], options: RedisNotifierOptions
    ) -> None:
        super().__init__(line, probe_every=options.probe_every, probe_timeout=options.probe_timeout)
        self._channel = channel
        self._own_channel = f"{channel}:{secrets.token_hex(8)}"
        self._send_probe = send_probe
        self._probe_timeout = options.probe_timeout

    def close(self) -> bool:
        """Nothing more for anybody. The thread waits for the server's next word, which a last probe brings about."""
        has_thread = super().close()
        if has_thread:
            self._send_probe(self._own_channel)
        return has_thread

    # In the thread

    def attend(self, connection: Client) -> None:
        """Return when the notifier is closed. Raises when the connection is lost or a probe does not come back."""
        with closing(connection.pubsub()) as pubsub:
            pubsub.subscribe(self._channel, self._own_channel)
            self.begun()
            while not self.closing.is_set():
                if self.probe.at <= time.monotonic():
                    self._go_on()
                message = pubsub.get_message(ignore_subscribe_messages=True, timeout=self.probe.left)
                if message is not None:
                    self._heard(str(message["channel"]), str(message["data"]))

    def _go_on(self) -> None:
        if not self.probe.passed():
            raise TimeoutError(f"a message to oneself did not come back within {self._probe_timeout} ms")
        self._send_probe(self._own_channel)

    def _heard(self, channel: str, text: str) -> None:
        if channel == self._own_channel:
            self.probe.came_back()
            self.line.works()
            self.working = not self.closing.is_set()
            return
        for queue, count in decode_hints(text).items():
            self.wake(queue, count)
