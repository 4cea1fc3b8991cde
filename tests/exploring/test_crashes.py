"""Every reference workflow and every construct come to the same end, wherever worker, operator or starter crashed."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from adapters.harnesses.dynamodb import DynamodbHarness
from adapters.harnesses.memory import MemoryHarness
from adapters.harnesses.postgresql import PostgresqlHarness
from adapters.harnesses.sqlite import SqliteHarness
from squidie_contract import Harness
from tests.exploring.crashes import TALLY, Explorer, names
from tests.exploring.hands import Looping, OneByOne
from tests.exploring.tales import BOOKS, TALES, Tale

WHOLE = os.environ.get("SQUIDIE_EXPLORE") == "all"
"""Whether every round trip is tried, which takes minutes on servers."""
HANDS = {"execute_next": OneByOne, "worker": Looping}


@pytest.fixture(scope="module", autouse=True)
def _tell_how_many() -> Iterator[None]:
    yield
    for name, count in TALLY.items():
        print(f"{count:,} crashes of {name}")  # noqa: T201  # for `make explore`


@pytest.mark.parametrize("hand", HANDS)
@pytest.mark.parametrize("tale", TALES, ids=names(TALES))
@pytest.mark.timeout(0 if WHOLE else 120)
def test_in_memory(tale: Tale, hand: str) -> None:
    assert Explorer(MemoryHarness, HANDS[hand]).explore(tale, at_most=None if WHOLE else 40) > 20


@pytest.mark.parametrize("harness", [SqliteHarness, PostgresqlHarness, DynamodbHarness])
@pytest.mark.parametrize("tale", TALES, ids=names(TALES))
@pytest.mark.timeout(0 if WHOLE else 120)
def test_on_servers(tale: Tale, harness: type[Harness]) -> None:
    """Here a round trip is one at the wire, and leases lapse in real time."""
    _explore(tale, harness, at_a_time=4)


@pytest.mark.parametrize("harness", [SqliteHarness, PostgresqlHarness])
@pytest.mark.timeout(0 if WHOLE else 120)
def test_with_the_applications_own_rows(harness: type[Harness]) -> None:
    """What a host and its bodies write in transactions is there once, wherever somebody crashed."""
    _explore(BOOKS, harness, at_a_time=1)  # the host does not wait for SQLite's file


def _explore(tale: Tale, harness: type[Harness], *, at_a_time: int) -> None:
    for hand in HANDS.values():
        Explorer(harness, hand).explore(tale, at_most=None if WHOLE else 3, at_a_time=at_a_time)
