"""PostgreSQL: one server for all worlds, each in a namespace of its own; the wire is where psycopg waits for it."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit
from uuid import uuid4
from weakref import WeakSet

import psycopg
from psycopg.abc import PQGen
from sqlalchemy import event

from adapters.harnesses.notes import write_note
from adapters.harnesses.servers import postgresql_url
from squidie_contract import Capability, Cut, Died, Harness, Wire
from squidie_contract.relay import Relay
from squidie_storage_sql import PostgresqlNotifier, SqlStorage, open_notifier, open_postgresql
from squidie_storage_sql.postgresql.database import PostgresqlDatabase

T = TypeVar("T")

_PASSWORD = "s3cr3t-0f-th3-r1ng"


class PostgresqlHarness(Harness):
    """A server that takes any password."""

    supports = Capability.CRASH_SAFE | Capability.SHARED_RESERVATIONS | Capability.HOST_TRANSACTIONS

    def __init__(self) -> None:
        self._server = urlsplit(postgresql_url())
        self._namespace = uuid4().hex
        self._relays: list[Relay] = []

    @property
    def url(self) -> str:
        return self._url(str(self._server.hostname), int(self._server.port or 5432))

    def _url(self, host: str, port: int) -> str:
        netloc = f"{self._server.username}:{_PASSWORD}@{host}:{port}"
        return self._server._replace(netloc=netloc, query=f"namespace={self._namespace}").geturl()

    @property
    def secrets(self) -> tuple[str, ...]:
        return (_PASSWORD,)

    def storage(self, wire: Wire) -> SqlStorage:
        storage = open_postgresql(self.url)
        database = cast("PostgresqlDatabase", storage.database)
        connections: WeakSet[WiredConnection] = WeakSet()

        @contextmanager
        def closing(request: str = "a request") -> Generator[None]:
            try:
                with wire(request):
                    yield
            except Died:
                for connection in connections:
                    connection.close()  # as the system does for those who have died
                raise

        def connect(_dialect: object, _record: object, args: Sequence[Any], options: dict[str, Any]) -> WiredConnection:
            try:
                with closing("connect"):
                    pass  # a connection that was made and lost again is one that was not made
            except Cut as cut:
                raise psycopg.OperationalError("connection refused") from cut
            return WiredConnection.connect(*args, **options)

        def give_wire(connection: WiredConnection, *_: object) -> None:
            connection.wire = closing
            connections.add(connection)

        # The lender's engine is new: what SQLAlchemy asks the server first is over when a connection is checked out.
        for engine, ready in ((database.connections.engine, "connect"), (database.lender.engine, "checkout")):
            event.listen(engine, "do_connect", connect)
            event.listen(engine, ready, give_wire, insert=True)
        database.connections.engine.dispose()  # what opening used has no wire
        return storage

    @contextmanager
    def host_transaction(self) -> Generator[psycopg.Connection[Any]]:
        with psycopg.connect(postgresql_url()) as connection:
            yield connection

    def note(self, handle: object, word: str) -> None:
        write_note(handle, self._namespace, word)

    def notes(self) -> list[str]:
        with psycopg.connect(postgresql_url()) as connection:
            rows = connection.execute("select word from notes where world = %s", (self._namespace,))
            return [word for (word,) in rows]

    def notifier(self, wire: Wire) -> PostgresqlNotifier:
        relay = Relay(str(self._server.hostname), int(self._server.port or 5432), wire)
        self._relays.append(relay)
        return open_notifier(self._url(*relay.address))

    def close(self) -> None:
        for relay in self._relays:
            relay.close()


class WiredConnection(psycopg.Connection[Any]):
    """What the wire cuts is closed, as by a peer that is gone; so is what a dead client held, as by the system."""

    wire: Wire

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        """Where all traffic of a connection passes; of one that is closed there is none."""
        if not hasattr(self, "wire") or self.closed:
            return super().wait(gen, interval, timeout)
        try:
            with self.wire("a round trip"):
                return super().wait(gen, interval, timeout)
        except (Cut, Died) as fault:
            self.close()
            if isinstance(fault, Died):
                raise
            raise psycopg.OperationalError("server closed the connection unexpectedly") from fault
