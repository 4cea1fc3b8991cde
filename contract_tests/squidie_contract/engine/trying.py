"""How hypothesis is set up for worlds that are real servers."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, settings


def trying(examples: int, *, steps: int = 50, shrink: bool = True) -> settings:
    """So many examples; what went wrong is made small where `shrink`. No deadline: a server takes the time that it takes."""
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        phases=[Phase.generate, *([Phase.shrink] if shrink else [])],
        report_multiple_bugs=False,
        print_blob=False,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    )
