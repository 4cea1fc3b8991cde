"""The worlds of one test, and the clients in them."""

from __future__ import annotations

from contextlib import suppress
from types import TracebackType
from typing import Self

from hypothesis import settings

from squidie_contract.engine.tally import TALLY
from squidie_contract.engine.trail import Trail, recorded
from squidie_contract.engine.trying import trying
from squidie_contract.harness import Harness
from squidie_contract.profiles import Profile
from squidie_contract.wire import Wire, quiet
from squidie_core.errors import SquidieError
from squidie_core.ports import LeaseBackend, Notifier, Storage


class World:
    """A harness, and the clients that were made with it."""

    def __init__(self, harness: Harness, trail: Trail, patience: int, name: str = "") -> None:
        self.harness = harness
        self.patience = patience
        self.trail = trail
        self._name = name
        self._clients: list[Storage | LeaseBackend | Notifier] = []

    def storage(self, wire: Wire = quiet, *, name: str = "") -> Storage:
        """A new client of the storage."""
        client = self.harness.storage(wire)
        self._clients.append(client)
        return recorded(self._named(name or "storage"), client, self.trail)

    def bare_storage(self, wire: Wire = quiet) -> Storage:
        """A new client, and no record of what it is asked."""
        client = self.harness.storage(wire)
        self._clients.append(client)
        return client

    def leases(self, wire: Wire = quiet, *, name: str = "") -> LeaseBackend:
        """A new client of the deliveries."""
        client = self.harness.leases(wire)
        self._clients.append(client)
        return recorded(self._named(name or "leases"), client, self.trail)

    def notifier(self, wire: Wire = quiet) -> Notifier:
        """A new client of the hints."""
        client = self.harness.notifier(wire)
        self._clients.append(client)
        return client

    def wait_until(self, storage: Storage, at: int) -> None:
        """Return when the store's clock shows `at`, or later."""
        while (left := at - storage.clock()) > 0:
            self.harness.wait(left)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the clients, then the world."""
        for client in self._clients:
            with suppress(SquidieError):  # one whose connection broke may have nobody to say goodbye to
                client.close()
        self._clients.clear()
        self.harness.close()

    def _named(self, what: str) -> str:
        number = len(self._clients)
        return f"{self._name}{what}" if number == 1 else f"{self._name}{what}{number}"


class Worlds:
    """Makes worlds for one test. `trail` is the story of the latest example."""

    def __init__(self, harness: type[Harness], profile: Profile) -> None:
        self.harness_class = harness
        self.profile = profile
        self.trail = Trail()
        self._made: list[World] = []

    def new(self, name: str = "", *, harness: type[Harness] | None = None) -> World:
        """A world in which nothing has happened, of the harness under test or of another; it stays until the end."""
        world = World((harness or self.harness_class)(), self.trail, self.profile.patience, name)
        self._made.append(world)
        return world

    def example(self) -> World:
        """A world for one of many examples: the record begins anew."""
        TALLY.examples += 1
        self.trail.clear()
        return World(self.harness_class(), self.trail, self.profile.patience)

    def trying(self, examples: int, *, steps: int = 50) -> settings:
        """Settings for so many examples."""
        return trying(examples, steps=steps, probe=self.profile.probe)

    def close(self) -> None:
        """Close all that are still there."""
        for world in self._made:
            world.close()
