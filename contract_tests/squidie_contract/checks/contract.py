"""What all contracts have in common: the worlds that their tests run in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import pytest

from squidie_contract.engine.tally import TALLY
from squidie_contract.engine.worlds import World, Worlds
from squidie_contract.harness import Harness
from squidie_contract.profiles import PROFILES
from squidie_core.ports import LeaseBackend, Storage


class Contract:
    """Subclass one of the contracts, and set `harness`."""

    port: ClassVar[str]
    harness: ClassVar[type[Harness]]

    @pytest.fixture
    def harness_class(self) -> type[Harness]:
        """Give the harness under test."""
        return self.harness

    @pytest.fixture
    def worlds(self, harness_class: type[Harness], request: pytest.FixtureRequest) -> Iterator[Worlds]:
        """Give what makes worlds, and close them."""
        before = TALLY.copy()
        made = Worlds(harness_class, PROFILES[str(request.config.getoption("--contract-profile"))])
        yield made
        made.close()
        request.node.user_properties.append(("tried", TALLY.since(before)))

    @pytest.fixture
    def world(self, worlds: Worlds) -> World:
        """Give a world in which nothing has happened."""
        return worlds.new()


class StorageClauses(Contract):
    """Clauses about a storage."""

    port = "storage"

    @pytest.fixture
    def storage(self, world: World) -> Storage:
        """Give a client of the test's world."""
        return world.storage()


class LeaseClauses(Contract):
    """Clauses about a lease backend."""

    port = "leases"

    @pytest.fixture
    def leases(self, world: World) -> LeaseBackend:
        """Give a client of the test's world."""
        return world.leases()
