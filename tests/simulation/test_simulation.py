"""Random workflows, workers, operators, clocks and faults; what must always hold is looked at after every event."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from squidie_contract.engine.trying import trying
from tests.clocks import Clock
from tests.simulation.plans import Plan, plans
from tests.simulation.stores import InMemory, InSqlite, Store
from tests.simulation.virtual import alarmed, virtual
from tests.simulation.workflows import made
from tests.simulation.world import TALLY, World

EXAMPLES = int(os.environ.get("SQUIDIE_SIMULATIONS", "350"))
"""Worlds in memory; each has about nine runs. Of those on SQLite there are a twentieth."""

EVENTS: Sequence[tuple[int, Callable[[World, int], object]]] = (
    (28, World.tick),
    (23, World.bodies),
    (12, World.wait),
    (10, World.operate),
    (8, World.start),
    (6, World.fault),
    (5, World.renew),
    (6, World.add),
    (4, World.crash),
    (3, World.deliver),
    (3, World.lend),
    (2, World.replay),
    (2, World.deploy),
    (3, World.purge),
    (2, World.within),
)
"""What may happen, and how often."""

_LOTS = [event for weight, event in EVENTS for _ in range(weight)]
Event = tuple[int, int]
"""A lot, and a number that says how, of which, to whom."""

_events: st.SearchStrategy[list[Event]] = st.lists(
    st.tuples(st.integers(0, len(_LOTS) - 1), st.integers(0, 9_999)), min_size=20, max_size=100
)
_planned = st.lists(st.tuples(plans(), st.none() | plans()), min_size=1, max_size=3)
_transacting = st.lists(st.tuples(plans(transactions=True), st.none()), min_size=1, max_size=3)


@pytest.fixture(scope="module", autouse=True)
def _tell_how_much() -> Iterator[None]:
    yield
    print(", ".join(f"{count:,} {what}" for what, count in TALLY.items()))  # noqa: T201  # shown by `make simulate`


@settings(trying(EXAMPLES), print_blob=True)
@given(planned=_planned, events=_events)
def test_every_run_comes_to_a_sound_end(planned: list[tuple[Plan, Plan | None]], events: list[Event]) -> None:
    live(InMemory, planned, events)


@settings(trying(max(EXAMPLES // 20, 1)), print_blob=True)
@given(planned=_transacting, events=_events)
def test_with_transactions_of_bodies_and_hosts(planned: list[tuple[Plan, None]], events: list[Event]) -> None:
    live(InSqlite, planned, events)


@settings(trying(10), print_blob=True)
@given(planned=_planned, events=_events)
def test_a_world_can_be_lived_again(planned: list[tuple[Plan, Plan | None]], events: list[Event]) -> None:
    """To the last byte of its journals: so what goes wrong can be made small, and then be looked at."""
    assert live(InMemory, planned, events) == live(InMemory, planned, events)


def live(
    kind: Callable[[Clock], Store], planned: Sequence[tuple[Plan, Plan | None]], events: Sequence[Event]
) -> dict[str, list[str]]:
    """A world from its start to its end; all that was written in it, by run."""
    clock = Clock()
    workflows = [
        (made(plan, f"sim-{number}"), made(newer or plan, f"sim-{number}"))
        for number, (plan, newer) in enumerate(planned)
    ]
    with virtual(clock), alarmed():
        world = World(kind(clock), workflows)
        try:
            for number in range(len(planned)):
                world.start(number)
            for lot, choice in events:
                note(f"{_LOTS[lot].__name__} {choice}")
                _LOTS[lot](world, choice)
                world.check()
            world.finish()
            return world.journals()
        finally:
            world.close()
