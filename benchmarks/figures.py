"""What is reported: figures, each with the goal and the floor that it is held against."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["goal", "floor", "missed", "info"]


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure should reach. `higher`: whether more is better."""

    goal: float
    floor: float
    higher: bool = True

    def verdict(self, value: float) -> Verdict:
        """How far it came."""
        if value >= self.goal if self.higher else value <= self.goal:
            return "goal"
        return "floor" if (value >= self.floor if self.higher else value <= self.floor) else "missed"


TARGETS = {
    "postgresql_runs_vs_dbos": Target(15, 10),
    "postgresql_runs_vs_best_peer": Target(5, 3),
    "sqlite_runs_vs_dbos": Target(15, 8),
    "postgresql_runs_vs_bound": Target(0.5, 0.3),
    "postgresql_latency_vs_dbos": Target(0.3, 0.5, higher=False),
    "postgresql_latency_vs_best_peer": Target(0.6, 1.0, higher=False),
    "postgresql_commits_under_load": Target(0.2, 0.5, higher=False),
    "postgresql_commits_alone": Target(5, 6, higher=False),
    "two_workers_vs_one": Target(1.6, 1.3),
    "finished_runs_price": Target(1.05, 1.2, higher=False),
    "long_run_price": Target(1.1, 1.3, higher=False),
    "starts_in_batches": Target(10_000, 5_000),
    "sleeping_runs_price": Target(1.2, 2, higher=False),
    "held_snapshot_price": Target(2, 5, higher=False),
    "wide_run_8_workers_vs_1": Target(1.3, 1.0),
    "wide_run_2_workers_vs_chains": Target(1.0, 0.5),
    "lease_claims_vs_bare": Target(0.5, 0.3),
    **{
        f"{store}_{call}_vs_bare": Target(2, 3.3, higher=False) if call in ("append", "claim") else Target(0.5, 0.3)
        for store in ("postgresql", "sqlite", "dynamodb")
        for call in ("append", "claim", "append_group", "claim_group")
    },
    "import_ms": Target(40, 80, higher=False),
    "idle_worker_mb": Target(40, 55, higher=False),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the table. `value` is what a target is held against: a ratio, or the measured value itself."""

    key: str
    what: str
    ours: float
    other: float | None = None
    other_is: str = ""
    value: float
    by_round: tuple[float, ...] = ()
    """The ratio in each round."""
    unit: str = ""
    note: str = ""

    @property
    def target(self) -> Target | None:
        """What it should reach, if anything."""
        return TARGETS.get(self.key)

    @property
    def verdict(self) -> Verdict:
        """How far it came."""
        return "info" if self.target is None else self.target.verdict(self.value)


def against(
    key: str, what: str, ours: Sequence[float], other: Sequence[float], other_is: str, *, unit: str, note: str = ""
) -> Figure:
    """Ours against another's, measured in the same rounds: medians and their ratio."""
    mine, its = statistics.median(ours), statistics.median(other)
    return Figure(
        key=key,
        what=what,
        ours=mine,
        other=its,
        other_is=other_is,
        value=mine / its,
        by_round=tuple(one / another for one, another in zip(ours, other, strict=True)),
        unit=unit,
        note=note,
    )


def alone(key: str, what: str, value: float, unit: str, note: str = "") -> Figure:
    """A figure that is measured against its target and nothing else."""
    return Figure(key=key, what=what, ours=value, value=value, unit=unit, note=note)
