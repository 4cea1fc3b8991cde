"""Hearing hints: one thread with one connection for all who listen, that finds out whether it hears at all."""

from __future__ import annotations

import logging
import secrets
import selectors
import socket
import threading
import time
from typing import TYPE_CHECKING

from squidie_storage_sql.postgresql.channels import decode_hint
from squidie_storage_sql.postgresql.lines import FAILURES

if TYPE_CHECKING:
    from collections.abc import Callable

    import psycopg

    from squidie_storage_sql.database import Row
    from squidie_storage_sql.options import PostgresqlNotifierOptions
    from squidie_storage_sql.postgresql.lines import Line

_log = logging.getLogger("squidie.notifier")

_LONGEST_DEAFNESS = 600.0
"""Seconds until a listener that hears nothing tries again, at most."""


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
    """When to send oneself a notification, and whether the last one came back. Seconds."""

    def __init__(self, options: PostgresqlNotifierOptions) -> None:
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
        """The server's notifications arrive here."""
        self._waiting = False
        self.at = time.monotonic() + self._every * (0.75 + secrets.randbelow(500) / 1000)


class Listener:
    """Calls who listens. The thread starts with the first of them.

    The probe is sent by another connection: behind a pooler in transaction mode it then goes astray as the hints do,
    where one of the own connection might still find its way back.
    """

    def __init__(
        self, line: Line, channel: str, send_probe: Callable[[str], None], options: PostgresqlNotifierOptions
    ) -> None:
        self._line = line
        self._channel = channel
        self._own_channel = f"{channel}_{secrets.token_hex(8)}"
        self._send_probe = send_probe
        self._options = options
        self._lock = threading.Lock()
        self._subscriptions: list[Subscription] = []
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()
        self._ear, self._bell = socket.socketpair()
        self._probe = Probe(options)
        self._connected_before = False
        self._deaf = 0
        """How many connections in a row have not heard their own probe."""
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
        """Nothing more for anybody."""
        with self._lock:
            self._subscriptions.clear()
            self._closing.set()
            thread = self._thread
        self._bell.close()
        if thread is None:
            self._ear.close()

    # In the thread

    def _run(self) -> None:
        with self._ear:
            while not self._closing.is_set():
                pause = self._attend_once()
                if self.working:
                    self.working = False
                    self._wake()  # whoever counted on hints looks now, and sooner from now on
                self._closing.wait(pause)

    def _attend_once(self) -> float:
        """Listen on a connection until it is of no use any more; the seconds until the next one."""
        try:
            with self._line.connection() as connection:
                self._attend(connection)
        except FAILURES as error:
            self._line.failed(error)
            return self._line.pause()
        return self._deafness()

    def _attend(self, connection: psycopg.Connection[Row]) -> None:
        """Return when a probe has not come back, or when the notifier is closed. Raises when the connection is lost."""
        connection.add_notify_handler(lambda notify: self._notified(notify.channel, notify.payload))
        for name in (self._channel, self._own_channel):
            connection.execute(f'listen "{name}"'.encode())
        self._line.works()
        if self._connected_before:
            self._wake()
        self._connected_before = True
        self._probe = Probe(self._options)
        with selectors.DefaultSelector() as selector:
            selector.register(connection, selectors.EVENT_READ)
            selector.register(self._ear, selectors.EVENT_READ)
            while not self._closing.is_set():
                if self._probe.at <= time.monotonic() and not self._go_on():
                    connection.execute(b"unlisten *")
                    return
                if selector.select(max(0.0, self._probe.at - time.monotonic())):
                    self._take_in(connection)

    def _go_on(self) -> bool:
        """Send a probe; whether the one before it has come back."""
        if not self._probe.passed():
            return False
        self._send_probe(self._own_channel)
        return True

    def _take_in(self, connection: psycopg.Connection[Row]) -> None:
        connection.pgconn.consume_input()
        while (notify := connection.pgconn.notifies()) is not None:
            self._notified(notify.relname.decode(), notify.extra.decode(errors="replace"))

    def _notified(self, channel: str, payload: str) -> None:
        if channel == self._own_channel:
            self._probe.came_back()
            self._deaf = 0
            self.working = True
        elif (hint := decode_hint(payload)) is not None:
            self._wake(*hint)

    def _deafness(self) -> float:
        """The seconds to leave off listening after a probe that went astray."""
        if self.working:
            return 0.0
        self._deaf += 1
        if self._deaf == 1 and not self._closing.is_set():
            _log.warning(
                "notifications do not come back, as behind a pooler in transaction mode; workers look for themselves"
            )
        return min(self._options.probe_every / 1000 * 2.0 ** min(self._deaf, 20), _LONGEST_DEAFNESS)

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
