"""Counting what is done: plain integers that one thread bumps and others read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import TYPE_CHECKING

from squidie_core.dataclass import dataclass
from squidie_core.journal.commit import Busy, CommitResult, Conflict

if TYPE_CHECKING:
    from squidie_core.inspection.metrics import Metrics


@dataclass(slots=True)
class Counters:
    """What one thread has done. Only that thread adds; what another reads meanwhile may be a little behind."""

    runs_started: int = 0
    runs_completed: int = 0
    runs_failed: int = 0
    runs_cancelled: int = 0
    claims: int = 0
    claims_lost: int = 0
    attempts_completed: int = 0
    attempts_failed: int = 0
    attempts_retried: int = 0
    attempts_deferred: int = 0
    attempts_released: int = 0
    bodies_in_flight: int = 0
    commits: int = 0
    appends: int = 0
    largest_group: int = 0
    conflicts: int = 0
    busy: int = 0
    refused: int = 0
    polls: int = 0
    empty_polls: int = 0
    due_runs: int = 0
    checkpoints_written: int = 0
    runs_quarantined: int = 0
    store_failures: int = 0

    def wrote(self, appends: int, refused: int) -> None:
        """One call brought so many appends to the store, of which so many had no effect."""
        self.commits += 1
        self.appends += appends - refused
        self.largest_group = max(self.largest_group, appends)

    def repeats(self, result: CommitResult) -> None:
        """An append had no effect."""
        if isinstance(result, Conflict):
            self.conflicts += 1
        elif isinstance(result, Busy):
            self.busy += 1
        else:
            self.refused += 1

    def ended(self, status: str) -> None:
        """A run is over."""
        if status == "completed":
            self.runs_completed += 1
        elif status == "failed":
            self.runs_failed += 1
        else:
            self.runs_cancelled += 1

    def add(self, other: Counters) -> None:
        """Add another thread's."""
        largest = max(self.largest_group, other.largest_group)
        for name in _NAMES:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.largest_group = largest


_NAMES = tuple(field.name for field in fields(Counters))


def sum_of(counters: Iterable[Counters]) -> Metrics:
    """All of them in one."""
    total = Counters()
    for one in counters:
        total.add(one)
    numbers = {name: getattr(total, name) for name in _NAMES}
    from squidie_core.inspection.metrics import Metrics  # noqa: PLC0415  # for those who ask

    return Metrics(**numbers, mean_group=total.appends / total.commits if total.commits else 0.0)
