"""What goes over a connection to Redis: how often it went to and fro, and a way of losing an answer."""

from __future__ import annotations

import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

from redis import Redis


class Relay:
    """A TCP relay to a server. Safe to use while one client talks through it at a time."""

    def __init__(self, server_url: str, namespace: str) -> None:
        server = urlsplit(server_url)
        self._server = (server.hostname or "127.0.0.1", server.port or 6379)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = [self._listener]
        self._cut = threading.Event()
        self._turns: list[bytes] = []
        self._last: object = None
        port: int = self._listener.getsockname()[1]
        self.url = server._replace(netloc=f"127.0.0.1:{port}", query=f"namespace={namespace}").geturl()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_answer(self) -> None:
        """Swallow the next answer and break the connection that it was for."""
        self._cut.set()

    @contextmanager
    def round_trips(self) -> Generator[list[bytes]]:
        """Collect what was sent, one item for all that went out before an answer came in."""
        self._turns = []
        yield self._turns

    def close(self) -> None:
        for one in self._sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._server)
                self._sockets += [client, server]
                threading.Thread(target=self._there, args=(client, server), daemon=True).start()
                threading.Thread(target=self._back, args=(client, server), daemon=True).start()

    def _there(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(65536):
                if self._last is client:
                    self._turns[-1] += data
                else:
                    self._turns.append(data)
                self._last = client
                server.sendall(data)
        self._end(client, server)

    def _back(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(65536):
                self._last = server
                if self._cut.is_set():
                    self._cut.clear()
                    break
                client.sendall(data)
        self._end(client, server)

    @staticmethod
    def _end(*sockets: socket.socket) -> None:
        for one in sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


def redis_client(url: str) -> Any:
    """A plain client of the server at this URL."""
    kind: Any = Redis
    return kind.from_url(urlsplit(url)._replace(query="").geturl())
