"""Brings the mutants to the suite, each to the clause that it breaks and to no other."""

from __future__ import annotations

import os
from collections.abc import Sequence
from types import ModuleType

import pytest

from squidie_contract.harness import Harness
from squidie_contract.mutants import hints, index, journal, leases, running, transactions
from squidie_contract.mutants.broken import Mutant
from squidie_contract.report import clause_of, harness_of

ROOMS = (journal, index, transactions, leases, hints, running)

ROOM = "SQUIDIE_CONTRACT_MUTANTS"
"""The variable that names a room, for a session of its mutants alone."""


def mutants(*rooms: ModuleType) -> Sequence[type[Mutant]]:
    """Those of these rooms, or all of them."""
    return [
        thing
        for room in rooms or ROOMS
        for thing in vars(room).values()
        if isinstance(thing, type) and issubclass(thing, Mutant) and "breaks" in vars(thing)
    ]


@pytest.hookimpl
def pytest_squidie_harnesses() -> Sequence[type[Harness]]:
    """As an adapter's package does; those of one room where the environment names it."""
    named = os.environ.get(ROOM)
    return mutants(*(room for room in ROOMS if named in (None, name_of(room))))


def name_of(room: ModuleType) -> str:
    """The last part of its module's name."""
    return room.__name__.rpartition(".")[2]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What else a mutant breaks is nobody's business, nor are other packages' harnesses."""
    wanted = [item for item in items if _is_wanted(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in wanted])
    items[:] = wanted


def _is_wanted(item: pytest.Item) -> bool:
    harness, clause = harness_of(item), clause_of(item)
    return harness is not None and issubclass(harness, Mutant) and clause is not None and clause.id == harness.breaks
