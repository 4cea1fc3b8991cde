"""How much is tried: seconds by default, minutes when asked, or as long as one likes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Budgets for the engines."""

    name: str
    model_examples: int
    """Programs that are compared with the model, each in a world of its own."""
    model_steps: int
    """Calls in each of them."""
    races: int
    """Sets of programs that clients run at once, each in an order that hypothesis picks."""
    values: int
    """Arbitrary names and texts that are written and read."""
    deaths: int
    """Round trips at which a worker dies, at most."""
    soak: float
    """Seconds in which processes write to one world, with nobody to hold them back."""
    soak_processes: int
    kills: int
    """How often the worker processes of one world are killed."""
    patience: int = 60_000
    """Milliseconds in which what must come, comes."""
    probe: bool = False
    """Only to see whether something is broken: the same examples each time, and nothing made smaller."""


PROFILES: Mapping[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile(
            name="quick",
            model_examples=20,
            model_steps=20,
            races=20,
            values=10,
            deaths=4,
            soak=1,
            soak_processes=3,
            kills=1,
        ),
        Profile(
            name="probe",
            model_examples=150,
            model_steps=25,
            races=60,
            values=20,
            deaths=100,
            soak=0.2,
            soak_processes=2,
            kills=1,
            patience=2_000,
            probe=True,
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
            kills=6,
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
            kills=40,
        ),
    )
}
