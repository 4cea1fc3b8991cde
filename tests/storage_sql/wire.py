"""What goes over a connection: how often it went to and fro, and a cable that can be cut."""

from __future__ import annotations

import contextlib
import re
import socket
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import cast

from squidie_storage_sql import SqlStorage
from squidie_storage_sql.postgresql.database import PostgresqlDatabase
from squidie_storage_sql.sqlite.database import SqliteDatabase


@contextmanager
def round_trips(storage: SqlStorage) -> Generator[Callable[[], int]]:
    """Count how often the server spoke after libpq did, on the connection that the storage uses next."""
    connections = cast("PostgresqlDatabase", storage.database).connections
    with connections.connection() as connection:
        libpq = connection.pgconn
    with tempfile.TemporaryFile("w+") as trace:
        libpq.trace(trace.fileno())

        def count() -> int:
            libpq.untrace()
            trace.seek(0)
            return len(re.findall(r"\tF\t.*\n.*\tB\t", trace.read()))

        yield count


@contextmanager
def statements(storage: SqlStorage) -> Generator[list[str]]:
    """Collect the first words of what the storage's connections to SQLite run."""
    database = cast("SqliteDatabase", storage.database)
    seen: list[str] = []

    def note(statement: str) -> None:
        seen.append(statement.split(maxsplit=1)[0].lower())

    with contextlib.ExitStack() as stack:
        connections: list[sqlite3.Connection] = [
            stack.enter_context(database.connections.reading()),
            stack.enter_context(database.writer.transaction()),
        ]
    for connection in connections:
        connection.set_trace_callback(note)
    yield seen
    for connection in connections:
        connection.set_trace_callback(None)


class Cable:
    """A TCP relay to a server. `cut_answer` swallows the next answer and breaks the connection that it was for."""

    def __init__(self, port: int) -> None:
        self._server_port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._armed = threading.Event()
        self._sockets: list[socket.socket] = [self._listener]
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_answer(self) -> None:
        self._armed.set()

    def refuse_connections(self) -> None:
        """Connections that exist stay."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def is_whole(self) -> bool:
        return not self._armed.is_set()

    def close(self) -> None:
        for one in self._sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._server_port))
            self._sockets += [client, server]
            threading.Thread(target=self._relay, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self._relay, args=(server, client, True), daemon=True).start()

    def _relay(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:  # noqa: FBT001 -- a thread's argument
        with suppress(OSError):
            while data := source.recv(65536):
                if answers and self._armed.is_set():
                    self._armed.clear()
                    break
                sink.sendall(data)
        for one in (source, sink):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
