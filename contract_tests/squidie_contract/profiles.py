"""How much is tried: seconds by default, minutes when asked, or as long as one likes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Budgets. `model_examples` programs of `model_steps` calls are compared with the model; `races` sets of programs
    are run in orders that hypothesis picks; `values` are round trips of arbitrary values; `soak` is how many seconds
    free processes write to one store, `soak_processes` of them.
    """

    name: str
    model_examples: int
    model_steps: int
    races: int
    values: int
    deaths: int
    soak: float
    soak_processes: int


PROFILES: Mapping[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile(
            name="quick", model_examples=20, model_steps=20, races=20, values=10, deaths=4, soak=1, soak_processes=3
        ),
        Profile(
            name="thorough",
            model_examples=400,
            model_steps=50,
            races=1000,
            values=200,
            deaths=1000,
            soak=10,
            soak_processes=4,
        ),
        Profile(
            name="soak",
            model_examples=2000,
            model_steps=80,
            races=5000,
            values=1000,
            deaths=1000,
            soak=120,
            soak_processes=6,
        ),
    )
}
