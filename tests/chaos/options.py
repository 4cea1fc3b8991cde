"""How large the chaos is. Read from the environment, here and nowhere else; `make chaos` sets it."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """`SQUIDIE_CHAOS_RUNS`, `_SECONDS`, `_WORKERS`, `_SEED` and `_MINUTES`."""

    runs: int
    """Runs of the test of random kills; the others take a share of it."""
    seconds: float
    """How long groups of appends compete."""
    workers: int
    """Worker processes at a time."""
    seed: int
    """What random moments and choices follow from. The machine's own timing does not, so a replay is a likeness."""
    minutes: float
    """How long `python -m tests.chaos` goes on with new seeds; a round that has begun is finished."""

    def share(self, part: int) -> int:
        """The runs of a test that takes the `part`-th part of them, but enough for everything to happen in it."""
        return max(self.runs // part, 100)

    @property
    def replay(self) -> str:
        """The command that makes the same chaos again."""
        return f"make chaos SEED={self.seed} RUNS={self.runs} SECONDS={self.seconds:g} WORKERS={self.workers}"


def _read(name: str, default: str) -> str:
    return os.environ.get(f"SQUIDIE_CHAOS_{name}") or default


def variables(options: Options) -> Mapping[str, str]:
    """The environment that gives one round of these options."""
    return {
        "SQUIDIE_CHAOS_RUNS": str(options.runs),
        "SQUIDIE_CHAOS_SECONDS": str(options.seconds),
        "SQUIDIE_CHAOS_WORKERS": str(options.workers),
        "SQUIDIE_CHAOS_SEED": str(options.seed),
    }


OPTIONS = Options(
    runs=int(_read("RUNS", "300")),
    seconds=float(_read("SECONDS", "5")),
    workers=int(_read("WORKERS", "3")),
    seed=int(_read("SEED", str(secrets.randbelow(1_000_000)))),
    minutes=float(_read("MINUTES", "0")),
)
