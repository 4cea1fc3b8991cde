"""Random workflows, workers, operators, clocks and faults; what must always hold is looked at after every event."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from squidie_contract.engine.trying import trying
from tests.simulation.workflows import Plan, made, plans
from tests.simulation.world import TALLY, World

EXAMPLES = int(os.environ.get("SQUIDIE_SIMULATIONS", "500"))
"""Worlds; each has several runs."""

EVENTS: Sequence[tuple[int, Callable[[World, int], None]]] = (
    (28, World.tick),
    (23, World.bodies),
    (12, World.wait),
    (10, World.operate),
    (8, World.start),
    (4, World.add),
    (6, World.fault),
    (5, World.renew),
    (4, World.crash),
)
"""What may happen, and how often in a hundred."""

_LOTS = [event for weight, event in EVENTS for _ in range(weight)]


@pytest.fixture(scope="module", autouse=True)
def _tell_how_much() -> Iterator[None]:
    yield
    print(", ".join(f"{count:,} {what}" for what, count in TALLY.items()))  # noqa: T201  # shown by `make simulate`


@settings(trying(EXAMPLES))
@given(
    planned=st.lists(plans(), min_size=1, max_size=3),
    events=st.lists(st.tuples(st.integers(0, len(_LOTS) - 1), st.integers(0, 63)), min_size=20, max_size=100),
)
def test_every_run_comes_to_a_sound_end(planned: list[Plan], events: list[tuple[int, int]]) -> None:
    world = World([made(plan, f"sim-{number}") for number, plan in enumerate(planned)])
    for number in range(len(planned)):
        world.start(number)
    for lot, choice in events:
        note(f"{_LOTS[lot].__name__} {choice}")
        _LOTS[lot](world, choice)
        world.check()
    world.finish()
