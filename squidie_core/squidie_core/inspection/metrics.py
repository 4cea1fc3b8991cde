"""What one Squidie has done in this process so far, in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from squidie_core.dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """Numbers since this Squidie was made, of all its workers and callers in this process.

    All but `largest_group`, `mean_group` and `bodies_in_flight` only grow.
    """

    runs_started: int
    """New runs; a repeated `start` that found its run is none."""
    runs_completed: int
    runs_failed: int
    runs_cancelled: int
    claims: int
    """Attempts that were claimed, take-overs too."""
    claims_lost: int
    """Claims that ended under a running body: its run was cancelled, or another worker took it over."""
    attempts_completed: int
    attempts_failed: int
    """With those that are tried again."""
    attempts_retried: int
    """The failed ones that are tried again."""
    attempts_deferred: int
    attempts_released: int
    bodies_in_flight: int
    """Bodies that run or wait for a thread now."""
    commits: int
    """Calls that wrote to journals, each a round trip and an fsync of the store."""
    appends: int
    """What they wrote: one append is what one run's journal gained at once."""
    largest_group: int
    """The most appends that one call brought."""
    mean_group: float
    """Appends that took effect for each commit."""
    conflicts: int
    """Appends that had no effect because somebody else had written to the run first."""
    busy: int
    """Appends that had no effect because somebody else held the run locked."""
    refused: int
    """Appends that the store will never take."""
    polls: int
    """Looks for due runs."""
    empty_polls: int
    due_runs: int
    """Runs that these looks found."""
    checkpoints_written: int
    runs_quarantined: int
    store_failures: int
    """How often the store did not answer a worker or `execute_next`."""

    def to_dict(self) -> Mapping[str, int | float]:
        """The same by name."""
        return asdict(self)
