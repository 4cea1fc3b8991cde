"""`pytest --pyargs squidie_contract.suite`: every harness that an installed package registers, every clause."""

from __future__ import annotations

import pytest

from squidie_contract.checks.contract import Contract
from squidie_contract.contracts import LeaseContract, NotifierContract, RuntimeContract, StorageContract
from squidie_contract.engine.worlds import World, Worlds
from squidie_contract.harness import Harness


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give each contract the harnesses that have clients for its port."""
    contract: type[object] | None = getattr(metafunc, "cls", None)  # which pytest does not type
    if contract is None or not issubclass(contract, Contract):
        return
    found: list[type[Harness]] = [
        harness for registered in metafunc.config.hook.pytest_squidie_harnesses() for harness in registered
    ]
    if not found:
        raise pytest.UsageError(
            "no harness is registered: implement the hook pytest_squidie_harnesses in a module that a pytest11 entry "
            "point of your package names, and install the package"
        )
    having = [harness for harness in found if contract.port in harness.ports()]
    metafunc.parametrize("harness_class", having, ids=[harness.__name__ for harness in having])


class TestStorage(StorageContract):
    """Each registered storage."""


class TestLeases(LeaseContract):
    """Each registered lease backend."""


class TestNotifier(NotifierContract):
    """Each registered notifier."""


class TestRuntime(RuntimeContract):
    """The runtime on each registered storage, with the hints and leases of the same package where it has some."""

    @pytest.fixture
    def aside(self, worlds: Worlds, harness_class: type[Harness]) -> World | None:
        """Give a world of the same harness, if it has more than a storage."""
        return worlds.new() if harness_class.ports() > {"storage"} else None
