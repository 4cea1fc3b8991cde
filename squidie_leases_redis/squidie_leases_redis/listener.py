"""Hearing hints: one thread with one connection for all who listen, that finds out whether it hears at all."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

from squidie_leases_redis.hints import decode_hints
from squidie_leases_redis.server import FAILURES

if TYPE_CHECKING:
    from collections.abc import Callable

    from squidie_leases_redis.lines import Line
    from squidie_leases_redis.options import RedisNotifierOptions
    from squidie_leases_redis.server import Client

_log = logging.getLogger("squidie.notifier")


class Subscription:
    """One who listens to a queue."""

    def __init__(self, listener: Listener, queue: str, wake: Callable[[int], None]) -> None:
        self._listener = listener
        self.queue = queue
        self.wake = wake

    def close(self) -> None:
        """Hear nothing more."""
        self._listener.forget(self)


class Probe:
    """When to send oneself a message, and whether the last one came back. Seconds."""

    def __init__(self, options: RedisNotifierOptions) -> None:
        self._every = options.probe_every / 1000
        self._patience = options.probe_timeout / 1000
        self._waiting = False
        self.at = time.monotonic()
        """When to send the next one; while one is on its way, when to give it up."""

    def passed(self) -> bool:
        """Go on at the time `at`: True to send one, False where one has not come back."""
        if self._waiting:
            return False
        self._waiting = True
        self.at = time.monotonic() + self._patience
        return True

    def came_back(self) -> None:
        """The server's messages arrive here."""
        self._waiting = False
        self.at = time.monotonic() + self._every * (0.75 + secrets.randbelow(500) / 1000)


class Listener:
    """Calls who listens. The thread starts with the first of them.

    The probe is sent by another connection, as the hints are: a server that holds a connection open and is dead, or a
    node that its cluster has lost, is found out by it.
    """

    def __init__(
        self, line: Line, channel: str, send_probe: Callable[[str], None], options: RedisNotifierOptions
    ) -> None:
        self._line = line
        self._channel = channel
        self._own_channel = f"{channel}:{secrets.token_hex(8)}"
        self._send_probe = send_probe
        self._options = options
        self._lock = threading.Lock()
        self._subscriptions: list[Subscription] = []
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()
        self._probe = Probe(options)
        self._connected_before = False
        self.working = False
        """Whether the last probe came back, on the connection that there is."""

    def add(self, queue: str, wake: Callable[[int], None]) -> Subscription:
        """Let somebody hear of the queue."""
        subscription = Subscription(self, queue, wake)
        with self._lock:
            self._subscriptions.append(subscription)
            if self._thread is None and not self._closing.is_set():
                self._thread = threading.Thread(target=self._run, name="squidie-notifier-listener", daemon=True)
                self._thread.start()
        return subscription

    def forget(self, subscription: Subscription) -> None:
        """Nothing more for this one."""
        with self._lock:
            if subscription in self._subscriptions:
                self._subscriptions.remove(subscription)

    def close(self) -> None:
        """Nothing more for anybody. The thread waits for the server's next word, which a last probe brings about."""
        with self._lock:
            self._subscriptions.clear()
            self._closing.set()
            thread = self._thread
        if thread is not None:
            self._send_probe(self._own_channel)

    # In the thread

    def _run(self) -> None:
        while not self._closing.is_set():
            pause = self._attend_once()
            if self.working:
                self.working = False
                self._wake()  # whoever counted on hints looks now, and sooner from now on
            self._closing.wait(pause)

    def _attend_once(self) -> float:
        """Listen on a connection until it is of no use any more; the seconds until the next one."""
        try:
            with self._line.client() as client:
                self._attend(client)
        except FAILURES as error:
            if not self._closing.is_set():
                self._line.failed(error)
        return self._line.pause()

    def _attend(self, client: Client) -> None:
        """Return when the notifier is closed. Raises when the connection is lost or a probe does not come back."""
        with closing(client.pubsub()) as pubsub:
            pubsub.subscribe(self._channel, self._own_channel)
            if self._connected_before:
                self._wake()
            self._connected_before = True
            self._probe = Probe(self._options)
            while not self._closing.is_set():
                if self._probe.at <= time.monotonic():
                    self._go_on()
                timeout = max(0.0, self._probe.at - time.monotonic())
                message = pubsub.get_message(ignore_subscribe_messages=True, timeout=timeout)
                if message is not None:
                    self._heard(str(message["channel"]), str(message["data"]))

    def _go_on(self) -> None:
        if not self._probe.passed():
            raise TimeoutError(f"a message to oneself did not come back within {self._options.probe_timeout} ms")
        self._send_probe(self._own_channel)

    def _heard(self, channel: str, text: str) -> None:
        if channel == self._own_channel:
            self._probe.came_back()
            self._line.works()
            self.working = not self._closing.is_set()
            return
        for queue, count in decode_hints(text).items():
            self._wake(queue, count)

    def _wake(self, queue: str | None = None, count: int = 1) -> None:
        """Call those who listen to the queue, or everybody."""
        with self._lock:
            listening = [one for one in self._subscriptions if queue in (None, one.queue)]
        for subscription in listening:
            with self._lock:
                if subscription not in self._subscriptions:
                    continue
            try:
                subscription.wake(count)
            except Exception:  # noqa: BLE001 -- a listener's error is its own; the thread serves the others
                _log.exception("a listener of queue %r raised; the others still hear", subscription.queue)
