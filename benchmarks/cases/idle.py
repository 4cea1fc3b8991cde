"""What an idle worker costs the database: a look for due runs where none is due."""

from __future__ import annotations

from typing import Any

import psycopg

from benchmarks.children import turn
from benchmarks.figures import Figure, against
from benchmarks.ours.filling import churn, sleeping_runs
from benchmarks.session import Session, tell

FEW, MANY = 1_000, 500_000


def sleeping_runs_price(session: Session) -> list[Figure]:
    """With many runs that sleep, against few."""
    sizes = {"few": session.sized(FEW, 50), "many": session.sized(MANY, 20_000)}
    urls = {name: session.stores.ours("postgresql", f"sleeping_{name}") for name in sizes}
    for name, runs in sizes.items():
        tell(f"  filling a store with {runs:,} sleeping runs")
        sleeping_runs(urls[name], runs)
    few, many = _looks(session, "sleeping", urls, "few", "many")
    what = f"an idle poll with {sizes['many']:,} sleeping runs against {sizes['few']:,}"
    return [against("sleeping_runs_price", what, many, few, "few", unit="ms")]


def held_snapshot_price(session: Session) -> list[Figure]:
    """After the same work in two databases, in one of which somebody's old snapshot keeps every dead row."""
    urls = {name: session.stores.ours("postgresql", f"snapshot_{name}") for name in ("none", "held")}
    runs = session.sized(8_000, 300)
    holder: psycopg.Connection[tuple[Any, ...]]
    with psycopg.connect(urls["held"]) as holder:
        holder.execute("set transaction isolation level repeatable read")
        holder.execute("select count(*) from squidie_runs")
        for name, url in urls.items():
            tell(f"  {runs:,} runs come and go, snapshot {name}")
            churn(url, runs)
        none, held = _looks(session, "snapshot", urls, "none", "held")
    return [
        against(
            "held_snapshot_price",
            "an idle poll while a snapshot is held against none",
            held,
            none,
            "none",
            unit="ms",
            note=f"in place of minutes, the snapshot is held while {runs:,} runs come and go at full speed",
        )
    ]


def _looks(session: Session, name: str, urls: dict[str, str], *sides: str) -> list[list[float]]:
    for _ in session.rounds():
        result = turn("ours.polls", {"urls": urls, "warmup": 20, "samples": session.sized(300, 50)})
        session.keep(name, result)
    return [[sample[side]["p50_ms"] for sample in session.samples[name]] for side in sides]
