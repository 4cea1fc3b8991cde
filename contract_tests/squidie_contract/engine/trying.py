"""How hypothesis is set up for worlds that are real servers, and how it picks orders."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st


def orders(clients: int) -> st.SearchStrategy[list[int]]:
    """Choices for a Schedule: few changes of hands, after some steps each. That is where most races are."""
    turn = st.tuples(st.integers(0, 6), st.integers(1, clients - 1))
    return st.lists(turn, max_size=6).map(
        lambda turns: [choice for steps, to in turns for choice in [0] * steps + [to]]
    )


def trying(examples: int, *, steps: int = 50, probe: bool = False) -> settings:
    """So many examples, others each time, with what goes wrong made small; a `probe` takes the same ones, as they are.

    There is no deadline: a server takes the time that it takes.
    """
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        derandomize=probe,
        phases=[Phase.generate] if probe else [Phase.generate, Phase.shrink],
        report_multiple_bugs=False,
        print_blob=False,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
