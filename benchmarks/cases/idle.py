"""What an idle worker costs the database: a look for due runs where none is due."""

from __future__ import annotations

import time
from typing import Any

import psycopg

from benchmarks.children import turn
from benchmarks.figures import Figure, against
from benchmarks.ours.filling import churn, sleeping_runs
from benchmarks.session import Session, tell

FEW, MANY = 1_000, 500_000
CHURN = 30_000
"""As many runs as make 150,000 appends: about a minute's work."""


def sleeping_runs_price(session: Session) -> list[Figure]:
    """With many runs that sleep, against few."""
    sizes = {"few": session.sized(FEW, 50), "many": session.sized(MANY, 20_000)}
    urls = {name: session.stores.ours("postgresql", f"sleeping_{name}") for name in sizes}
    for name, runs in sizes.items():
        tell(f"  filling a store with {runs:,} sleeping runs")
        sleeping_runs(urls[name], runs)
    few, many = _looks(session, "sleeping", urls, "few", "many", samples=session.sized(300, 50), pause=0)
    what = f"an idle poll with {sizes['many']:,} sleeping runs against {sizes['few']:,}"
    return [against("sleeping_runs_price", what, many, few, "few", unit="ms")]


def held_snapshot_price(session: Session) -> list[Figure]:
    """After the same work in two databases, in one of which somebody's old snapshot keeps every dead row."""
    urls = {name: session.stores.ours("postgresql", f"snapshot_{name}") for name in ("none", "held")}
    runs = session.sized(CHURN, 300)
    seconds: dict[str, float] = {}
    holder: psycopg.Connection[tuple[Any, ...]]
    with psycopg.connect(urls["held"]) as holder:
        holder.execute("set transaction isolation level repeatable read")
        holder.execute("select count(*) from squidie_runs")
        for name, url in urls.items():
            tell(f"  {runs:,} runs come and go, snapshot {name}")
            began = time.monotonic()
            churn(url, runs)
            seconds[name] = time.monotonic() - began
        appends = session.stores.count(urls["held"], "squidie_commits")
        none, held = _looks(session, "snapshot", urls, "none", "held", samples=session.sized(40, 5), pause=0.25)
    return [
        against(
            "held_snapshot_price",
            "an idle poll while a snapshot is held against none",
            held,
            none,
            "none",
            unit="ms",
            note=f"held while {runs:,} runs came and went in {seconds['held']:.0f} s with {appends:,} appends; "
            f"looks of the minute after that, four a second; {max(held):.2f} ms in the slowest round, "
            "in which the ends of that work's leases pass by",
        )
    ]


def _looks(
    session: Session, name: str, urls: dict[str, str], *sides: str, samples: int, pause: float
) -> list[list[float]]:
    """Looks of a side by round; `pause` in seconds between two."""
    for _ in session.rounds():
        result = turn("ours.polls", {"urls": urls, "warmup": 20, "samples": samples, "pause": pause})
        session.keep(name, result)
    return [[sample[side]["p50_ms"] for sample in session.samples[name]] for side in sides]
