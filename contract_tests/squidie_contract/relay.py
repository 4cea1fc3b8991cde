"""A wire in a cable: for adapters whose driver has no place to put one, between the driver and its server."""

from __future__ import annotations

import selectors
import socket
import threading
from contextlib import AbstractContextManager, ExitStack, suppress

from squidie_contract.wire import Died, Wire

_CHUNK = 65536


class Relay:
    """Connections to `address` go to the server at `host` and `port`, with `wire` around each request and its answer.

    A request begins with the first bytes that the client sends after an answer, and ends with the first bytes of the
    next one. What the wire cuts is closed on both sides. What the server says unasked passes.
    """

    def __init__(self, host: str, port: int, wire: Wire) -> None:
        self._server = (host, port)
        self._wire = wire
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address: tuple[str, int] = self._listener.getsockname()
        """Host and port for the client."""
        self._open = ExitStack()
        self._open.callback(self._listener.close)
        threading.Thread(target=self._accept, name="contract-relay", daemon=True).start()

    def close(self) -> None:
        """End all connections."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._open.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._connect, args=(client,), name="contract-relay", daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        with client, suppress(OSError, Died):
            with self._wire("connect"):
                server = socket.create_connection(self._server)
            with server:
                self._open.callback(_end, client)
                self._open.callback(_end, server)
                _Conversation(client, server, self._wire).relay()


class _Conversation:
    def __init__(self, client: socket.socket, server: socket.socket, wire: Wire) -> None:
        self._client = client
        self._server = server
        self._wire = wire
        self._trip: AbstractContextManager[None] | None = None

    def relay(self) -> None:
        """Until one side ends it, or the wire does."""
        with selectors.DefaultSelector() as ready:
            ready.register(self._client, selectors.EVENT_READ)
            ready.register(self._server, selectors.EVENT_READ)
            while True:
                for key, _ in ready.select():
                    source = self._client if key.fileobj is self._client else self._server
                    data = source.recv(_CHUNK)
                    if not data:
                        return
                    self._pass_on(source, data)

    def _pass_on(self, source: socket.socket, data: bytes) -> None:
        if source is self._client:
            if self._trip is None:
                self._trip = self._wire("a request")
                self._trip.__enter__()
            self._server.sendall(data)
        else:
            if self._trip is not None:
                trip, self._trip = self._trip, None
                trip.__exit__(None, None, None)
            self._client.sendall(data)


def _end(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
