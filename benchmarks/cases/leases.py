"""Deliveries in Redis."""

from __future__ import annotations

import statistics

from benchmarks.children import turn
from benchmarks.figures import Figure, against, alone
from benchmarks.session import Session


def lease_claims(session: Session) -> list[Figure]:
    """Claims and completions per second, against redis-py calling the same scripts; and claims of ten at a time."""
    for number in session.rounds():
        given = {"url": session.stores.redis, "namespace": f"n{number}", "deliveries": session.sized(3_000, 100)}
        session.keep("lease_claims", turn("ours.lease_claims", given))
    ours, bare = session.values("lease_claims", "claims"), session.values("lease_claims", "bare")
    tens = statistics.median(session.values("lease_claims", "tens"))
    enqueued = statistics.median(session.values("lease_claims", "enqueued"))
    return [
        against("lease_claims_vs_bare", "deliveries claimed and completed", ours, bare, "redis-py", unit="/s"),
        alone("lease_claims_of_ten", "the same, claimed ten at a time", tens, "/s"),
        alone("lease_enqueues", "deliveries enqueued", enqueued, "/s"),
    ]
