"""One run alone: from `start` to the return of the commit that ends it."""

from __future__ import annotations

import statistics

from benchmarks.children import turn
from benchmarks.figures import Figure, against, alone
from benchmarks.session import Session

PEERS = ("dbos", "absurd")


def postgresql_latency(session: Session) -> list[Figure]:
    """Ours and the peers, in turns, each started and executed by one process, without a poll between."""
    ours = session.stores.ours("postgresql", "latency")
    peers = session.peers_stores("latency", PEERS)
    for _ in session.rounds():
        sample = turn("ours.alone", {"url": ours, "runs": session.sized(200, 20)})
        session.keep("ours_postgresql_latency", sample | sample.pop("used"))
        for peer, url in peers.items():
            session.peer_turn(peer, "postgresql", url, "latency", session.sized(150, 20))
    times = session.values("ours_postgresql_latency", "p50_ms")
    commits = statistics.median(session.values("ours_postgresql_latency", "commits"))
    reservations = commits - statistics.median(session.values("ours_postgresql_latency", "commits_of_entries"))
    round_trips = statistics.median(session.values("ours_postgresql_latency", "round_trips"))
    what = "p50 of one run alone, PostgreSQL"
    figures = [
        alone(
            "postgresql_commits_alone",
            "commits per run alone",
            commits,
            "",
            f"the start included, and {reservations:.1f} that reserve what was found due",
        ),
        alone("postgresql_round_trips_alone", "round trips per run alone", round_trips, ""),
    ]
    if not session.with_peers:
        return [alone("postgresql_latency", what, statistics.median(times), "ms"), *figures]
    by_peer = {peer: session.values(f"{peer}_postgresql_latency", "p50_ms") for peer in PEERS}
    best = min(PEERS, key=lambda peer: statistics.median(by_peer[peer]))
    return [
        against("postgresql_latency_vs_dbos", what, times, by_peer["dbos"], "dbos", unit="ms"),
        against("postgresql_latency_vs_best_peer", f"{what}, best peer", times, by_peer[best], best, unit="ms"),
        against("postgresql_latency_vs_absurd", f"{what}, batches of 1", times, by_peer["absurd"], "absurd", unit="ms"),
        *figures,
    ]
