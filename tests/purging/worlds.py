"""A store as the tests see it: where clients come from, and how time passes there."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

from squidie_core.ports.storage import Storage
from tests.clocks import Clock


class World:
    """One store. Namespaces are new for each test, because a server outlives it."""

    def __init__(self, connect: Callable[[str], Storage], clock: Clock | None = None) -> None:
        self._connect = connect
        self._clock = clock
        self._clients: list[Storage] = []
        self._unique = uuid4().hex
        self._fresh = 0

    def open(self, namespace: str = "default") -> Storage:
        """A new client; the same namespace names the same runs throughout the test."""
        client = self._connect(f"{namespace}-{self._unique}")
        self._clients.append(client)
        return client

    def open_fresh(self) -> Storage:
        """A new client of a namespace in which nothing has happened, for tests that run many examples."""
        self._fresh += 1
        return self.open(f"fresh-{self._fresh}")

    def wait_until(self, at: int) -> None:
        """Return when the store's clock shows `at`."""
        if self._clock is not None:
            self._clock.now = max(self._clock.now, at)
        client = self._clients[0]
        while client.clock() < at:
            pass

    def close(self) -> None:
        for client in self._clients:
            client.close()
