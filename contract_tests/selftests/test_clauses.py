"""The clauses are numbered once, told of in the ports, and each has a test."""

from __future__ import annotations

import inspect
import re

import pytest

from squidie_contract import contracts
from squidie_contract.checks.contract import Contract
from squidie_contract.clauses import CLAUSES, CONTRACT
from squidie_core.ports import leases, notifier, storage, transactions

CONTRACTS: dict[str, type[Contract]] = {
    "storage": contracts.StorageContract,
    "leases": contracts.LeaseContract,
    "notifier": contracts.NotifierContract,
    "runtime": contracts.RuntimeContract,
}
PORTS = {"storage": (storage, transactions), "leases": (leases,), "notifier": (notifier,)}
IDS = {port: [c.id for chapter in CONTRACT if chapter.port == port for c in chapter.clauses] for port in CONTRACTS}


def clauses_of_tests(contract: type[Contract]) -> set[str]:
    names = [name for name, _ in inspect.getmembers(contract, inspect.isfunction) if name.startswith("test")]
    return {name.split("_")[1].upper() for name in names}


def test_each_has_a_number_of_its_own() -> None:
    assert len(CLAUSES) == sum(map(len, IDS.values()))


@pytest.mark.parametrize("port", CONTRACTS)
def test_each_has_a_test_and_each_test_a_clause(port: str) -> None:
    assert clauses_of_tests(CONTRACTS[port]) == set(IDS[port])


@pytest.mark.parametrize("port", PORTS)
def test_the_port_tells_of_each_and_of_no_other(port: str) -> None:
    told = {found for module in PORTS[port] for found in re.findall(r"\b[A-Z]\d{1,2}\b", inspect.getsource(module))}
    assert told == set(IDS[port])
