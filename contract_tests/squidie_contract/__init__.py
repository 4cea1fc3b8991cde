"""The contract that every Squidie adapter keeps, as a suite that its author runs."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from squidie_contract.capabilities import Capability
    from squidie_contract.contracts import LeaseContract, NotifierContract, RuntimeContract, StorageContract
    from squidie_contract.harness import Harness
    from squidie_contract.wire import Cut, Died, Wire

__all__ = [
    "Capability",
    "Cut",
    "Died",
    "Harness",
    "LeaseContract",
    "NotifierContract",
    "RuntimeContract",
    "StorageContract",
    "Wire",
]

_HOMES = {
    "Capability": "capabilities",
    "Cut": "wire",
    "Died": "wire",
    "Harness": "harness",
    "LeaseContract": "contracts",
    "NotifierContract": "contracts",
    "RuntimeContract": "contracts",
    "StorageContract": "contracts",
    "Wire": "wire",
}


def __getattr__(name: str) -> object:
    """Import on demand: pytest loads this package's plugin wherever it is installed, and must stay quick."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
