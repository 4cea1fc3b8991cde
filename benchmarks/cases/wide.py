"""One run of many parallel nodes: more workers must not be slower."""

from __future__ import annotations

from benchmarks.cases.workers import Moments, several_workers
from benchmarks.figures import Figure, against
from benchmarks.ours.feeding import feed_wide
from benchmarks.ours.workflows import NODES
from benchmarks.session import Session

MANY = 8


def wide_run(session: Session) -> list[Figure]:
    """Eight worker processes against one; the run waits when all of them begin."""
    url = session.stores.ours("postgresql", "wide_run")
    for _ in session.rounds():
        for workers in (1, MANY):
            moments = several_workers(url, workers, lambda: feed_wide(url))
            session.keep(f"wide_{workers}", {"nodes_per_second": NODES / _seconds(moments)})
    return [
        against(
            "wide_run_8_workers_vs_1",
            f"nodes/s of one run of {NODES:,} nodes, {MANY} workers against 1",
            session.values(f"wide_{MANY}", "nodes_per_second"),
            session.values("wide_1", "nodes_per_second"),
            "one worker",
            unit="/s",
        )
    ]


def _seconds(all_moments: list[Moments]) -> float:
    """From the first claim's commit to the end's."""
    moments = [moment for moments in all_moments for moment in moments]
    return max(ended for _, ended, over in moments if over) - min(began for began, _, _ in moments)
