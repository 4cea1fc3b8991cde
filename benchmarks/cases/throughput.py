"""Runs of three trivial steps per second, by one worker process."""

from __future__ import annotations

import statistics
from typing import Any

from benchmarks.cases.workers import one_worker, rate_together, several_workers
from benchmarks.children import turn
from benchmarks.figures import Figure, against, alone
from benchmarks.ours.feeding import feed
from benchmarks.session import Session


def postgresql_runs(session: Session) -> list[Figure]:
    """Ours, the bare statements, and the peers, in turns."""
    ours = session.stores.ours("postgresql", "runs")
    bound = session.stores.ours("postgresql", "bound")
    peers = session.peers_stores("runs", PEERS)
    for _ in session.rounds():
        mine = one_worker(session, "postgresql", ours, session.sized(3_000, 200))
        session.keep("ours_postgresql_runs", mine)
        session.keep("bound_postgresql_runs", _bound(session, bound, mine))
        for peer, url in peers.items():
            session.peer_turn(peer, "postgresql", url, "runs", session.sized(PEERS[peer], 40))
    rates = session.values("ours_postgresql_runs", "runs_per_second")
    figures = [
        against(
            "postgresql_runs_vs_bound",
            "runs/s, PostgreSQL, against the bare statements",
            rates,
            session.values("bound_postgresql_runs", "runs_per_second"),
            "bare loop",
            unit="/s",
        ),
        alone(
            "postgresql_commits_under_load",
            "commits per run under load",
            statistics.median(session.values("ours_postgresql_runs", "commits")),
            "",
            "those that reserve due runs included; the start, which the worker has no part in, not",
        ),
        *_costs(session, "ours_postgresql_runs", "PostgreSQL"),
    ]
    if not session.with_peers:
        return figures
    return [*_against_peers(session, rates), *figures, *_peers_costs(session)]


def sqlite_runs(session: Session) -> list[Figure]:
    """Ours against DBOS, both with synchronous=FULL."""
    ours = session.stores.ours("sqlite", "runs")
    dbos = session.stores.empty("sqlite", "runs_dbos")
    for _ in session.rounds():
        session.keep("ours_sqlite_runs", one_worker(session, "sqlite", ours, session.sized(2_000, 200)))
        if session.with_peers:
            session.peer_turn("dbos", "sqlite", dbos, "runs", session.sized(100, 20))
    rates = session.values("ours_sqlite_runs", "runs_per_second")
    what = "runs/s, one worker, SQLite (FULL)"
    costs = _costs(session, "ours_sqlite_runs", "SQLite")
    if not session.with_peers:
        return [alone("sqlite_runs", what, statistics.median(rates), "/s"), *costs]
    other = session.values("dbos_sqlite_runs", "runs_per_second")
    return [
        against("sqlite_runs_vs_dbos", what, rates, other, "dbos", unit="/s", note=_ways(session, "sqlite")),
        *costs,
    ]


def two_workers(session: Session) -> list[Figure]:
    """Two worker processes against one, on the same PostgreSQL."""
    url = session.stores.ours("postgresql", "two_workers")
    runs = session.sized(2_000, 200)
    for _ in session.rounds():
        for workers in (1, 2):
            moments = several_workers(url, workers, lambda: feed(url, runs))
            session.keep(f"{workers}_workers", {"runs_per_second": rate_together(moments)})
    return [
        against(
            "two_workers_vs_one",
            "runs/s, two workers against one",
            session.values("2_workers", "runs_per_second"),
            session.values("1_workers", "runs_per_second"),
            "one worker",
            unit="/s",
        )
    ]


PEERS = {"dbos": 200, "absurd": 400, "pgqueuer": 300}
"""With how many runs a turn has."""

KEEPING_RESULTS = ("dbos", "absurd")


def _bound(session: Session, url: str, mine: dict[str, Any]) -> dict[str, Any]:
    given = {
        "url": url,
        "runs": session.sized(4_000, 200),
        "group": round(mine["appends_per_commit"]),
        "server": session.stores.server_pid("postgresql"),
    }
    return turn("ours.bound", given)


def _against_peers(session: Session, rates: list[float]) -> list[Figure]:
    by_peer = {peer: session.values(f"{peer}_postgresql_runs", "runs_per_second") for peer in PEERS}
    best = max(KEEPING_RESULTS, key=lambda peer: statistics.median(by_peer[peer]))
    what = "runs/s, one worker, PostgreSQL"
    note = _ways(session, "postgresql")
    return [
        against("postgresql_runs_vs_dbos", what, rates, by_peer["dbos"], "dbos", unit="/s", note=note),
        against("postgresql_runs_vs_best_peer", f"{what}, best peer", rates, by_peer[best], best, unit="/s"),
        against("postgresql_runs_vs_absurd", f"{what}, batches of 20", rates, by_peer["absurd"], "absurd", unit="/s"),
        against(
            "postgresql_runs_vs_pgqueuer",
            f"{what}, chained jobs",
            rates,
            by_peer["pgqueuer"],
            "pgqueuer",
            unit="/s",
            note="keeps no results of steps; for information",
        ),
    ]


def _ways(session: Session, kind: str) -> str:
    samples = [sample["ways"] for sample in session.samples[f"dbos_{kind}_runs"]]
    medians = {way: statistics.median(sample[way] for sample in samples) for way in samples[0]}
    listed = ", ".join(f"{way.replace('_', ' ')} {rate:.0f}/s" for way, rate in medians.items())
    return f"each turn's fastest way to drive DBOS is its figure: {listed}"


def _peers_costs(session: Session) -> list[Figure]:
    figures: list[Figure] = []
    for peer in PEERS:
        process, server = (
            statistics.median(session.values(f"{peer}_postgresql_runs", name))
            for name in ("cpu_ms_per_run", "server_cpu_ms_per_run")
        )
        what = f"CPU per run, {peer}, PostgreSQL"
        figures.append(alone(f"{peer}_postgresql_cpu", what, process + server, "ms", _split(process, server)))
    return figures


def _costs(session: Session, side: str, store: str) -> list[Figure]:
    calls, process, server = (
        statistics.median(session.values(side, name)) for name in ("round_trips", "cpu_ms", "server_cpu_ms")
    )
    key = side.removesuffix("_runs")
    return [
        alone(f"{key}_round_trips", f"calls of the store per run under load, {store}", calls, ""),
        alone(f"{key}_cpu", f"CPU per run, {store}", process + server, "ms", _split(process, server)),
    ]


def _split(process: float, server: float) -> str:
    return f"{process:.2f} ms in the worker, {server:.2f} ms in the server"
