"""One run of many parallel nodes: more workers must not be slower, and two keep pace with runs of three steps."""

from __future__ import annotations

from benchmarks.cases.workers import Moments, one_worker, several_workers
from benchmarks.figures import Figure, against
from benchmarks.ours.feeding import feed_wide
from benchmarks.ours.workflows import NODES
from benchmarks.session import Session

FEW = 2
MANY = 8
CHAINS = 2_000
STEPS = 3
"""Of each of them."""


def wide_run(session: Session) -> list[Figure]:
    """Eight worker processes against one, and two against one worker's runs of three steps; the run waits for them."""
    url = session.stores.ours("postgresql", "wide_run")
    for _ in session.rounds():
        chains = one_worker(session, "postgresql", url, session.sized(CHAINS, 50))
        session.keep("chains", {"nodes_per_second": chains["runs_per_second"] * STEPS})
        for workers in (1, FEW, MANY):
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
        ),
        against(
            "wide_run_2_workers_vs_chains",
            f"nodes/s of one run of {NODES:,} nodes, {FEW} workers, against the steps of runs of {STEPS}",
            session.values(f"wide_{FEW}", "nodes_per_second"),
            session.values("chains", "nodes_per_second"),
            "chained",
            unit="/s",
        ),
    ]


def _seconds(all_moments: list[Moments]) -> float:
    """From the first claim's commit to the end's."""
    moments = [moment for moments in all_moments for moment in moments]
    return max(ended for _, ended, over in moments if over) - min(began for began, _, _ in moments)
