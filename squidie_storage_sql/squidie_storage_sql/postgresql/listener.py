"""Hearing hints: LISTEN, and a notification to oneself now and then."""

from __future__ import annotations

import logging
import secrets
import selectors
import socket
import time
from typing import TYPE_CHECKING, Any, TypeAlias

import psycopg

from squidie_core.adapters.listening import Listener
from squidie_storage_sql.postgresql.channels import decode_hint

if TYPE_CHECKING:
    from collections.abc import Callable

    from squidie_core.adapters.lines import Line
    from squidie_storage_sql.options import PostgresqlNotifierOptions

_log = logging.getLogger("squidie.notifier")

_LONGEST_DEAFNESS = 600.0
"""Seconds until a listener that hears nothing tries again, at most."""

Connection: TypeAlias = "psycopg.Connection[tuple[Any, ...]]"


class PostgresqlListener(Listener[Connection]):
    """Behind a pooler in transaction mode a probe goes astray as the hints do, since another connection sends it."""

    def __init__(
        self,
        line: Line[Connection],
        channel: str,
        send_probe: Callable[[str], None],
        options: PostgresqlNotifierOptions,
    ) -> None:
        super().__init__(line, probe_every=options.probe_every, probe_timeout=options.probe_timeout)
        self._channel = channel
        self._own_channel = f"{channel}_{secrets.token_hex(8)}"
        self._send_probe = send_probe
        self._probe_every = options.probe_every / 1000
        self._ear, self._bell = socket.socketpair()
        self._deaf = 0
        """How many connections in a row have not heard their own probe."""

    def close(self) -> bool:
        """Nothing more for anybody."""
        has_thread = super().close()
        self._bell.close()
        if not has_thread:
            self._ear.close()
        return has_thread

    # In the thread

    def ended(self) -> None:
        """Nobody rings any more."""
        self._ear.close()

    def attend(self, connection: Connection) -> None:
        """Return when a probe has not come back, or when the notifier is closed. Raises when the connection is lost."""
        connection.add_notify_handler(lambda notify: self._notified(notify.channel, notify.payload))
        for name in (self._channel, self._own_channel):
            connection.execute(f'listen "{name}"'.encode())
        self.line.works()
        self.begun()
        with selectors.DefaultSelector() as selector:
            selector.register(connection, selectors.EVENT_READ)
            selector.register(self._ear, selectors.EVENT_READ)
            while not self.closing.is_set():
                if self.probe.at <= time.monotonic() and not self._go_on():
                    connection.execute(b"unlisten *")
                    return
                if selector.select(self.probe.left):
                    self._take_in(connection)

    def _go_on(self) -> bool:
        """Send a probe; whether the one before it has come back."""
        if not self.probe.passed():
            return False
        self._send_probe(self._own_channel)
        return True

    def _take_in(self, connection: Connection) -> None:
        connection.pgconn.consume_input()
        while (notify := connection.pgconn.notifies()) is not None:
            self._notified(notify.relname.decode(), notify.extra.decode(errors="replace"))

    def _notified(self, channel: str, payload: str) -> None:
        if channel == self._own_channel:
            self.probe.came_back()
            self._deaf = 0
            self.working = True
        elif (hint := decode_hint(payload)) is not None:
            self.wake(*hint)

    def rest(self) -> float:
        """The seconds to leave off listening after a probe that went astray."""
        if self.working:
            return 0.0
        self._deaf += 1
        if self._deaf == 1 and not self.closing.is_set():
            _log.warning(
                "notifications do not come back, as behind a pooler in transaction mode; workers look for themselves"
            )
        return min(self._probe_every * 2.0 ** min(self._deaf, 20), _LONGEST_DEAFNESS)
