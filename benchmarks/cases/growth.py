"""What must not grow: the price of a step with finished runs, and with the length of its own run."""

from __future__ import annotations

from benchmarks.cases.workers import one_worker
from benchmarks.children import turn
from benchmarks.figures import Figure, against
from benchmarks.ours.filling import finished_runs
from benchmarks.session import Session, tell

FEW, MANY = 1_000, 100_000
EARLY, LATE = 50, 5_000


def finished_runs_price(session: Session) -> list[Figure]:
    """A worker's time for a step in a store with many finished runs, against one with few."""
    sizes = {"few": session.sized(FEW, 50), "many": session.sized(MANY, 5_000)}
    urls = {name: session.stores.ours("postgresql", f"finished_{name}") for name in sizes}
    for name, runs in sizes.items():
        tell(f"  filling a store with {runs:,} finished runs")
        finished_runs(urls[name], runs)
    for _ in session.rounds():
        for name, url in urls.items():
            result = one_worker(session, "postgresql", url, session.sized(1_500, 200))
            session.keep(f"finished_{name}", {"step_ms": 1_000 / result["runs_per_second"] / 3})
    return [
        against(
            "finished_runs_price",
            f"a step with {sizes['many']:,} finished runs against {sizes['few']:,}",
            session.values("finished_many", "step_ms"),
            session.values("finished_few", "step_ms"),
            "few",
            unit="ms",
            note="finished runs are copies, made inside the database, of runs that a worker finished",
        )
    ]


def long_run_price(session: Session) -> list[Figure]:
    """A step late in one run against early in another, in turns inside one worker."""
    late = session.sized(LATE, 200)
    url = session.stores.ours("postgresql", "long_run")
    given = {
        "url": url,
        "late": late,
        "early": EARLY,
        "rounds": session.number_of_rounds,
        "samples": session.sized(100, 20),
    }
    result = session.keep("long_run", turn("ours.long_run", given))
    return [
        against(
            "long_run_price",
            f"step {late:,} of a run against step {EARLY}",
            [result["late"]["p50_ms"]],
            [result["early"]["p50_ms"]],
            "early",
            unit="ms",
            note="one step alone, from the end of a body to the begin of the next",
        )
    ]
