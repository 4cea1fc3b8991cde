"""Durable starts per second."""

from __future__ import annotations

import statistics

from benchmarks.children import turn
from benchmarks.figures import Figure, alone
from benchmarks.session import Session


def starts(session: Session) -> list[Figure]:
    """In batches, and one by one from one thread and from eight."""
    url = session.stores.ours("postgresql", "starts")
    for _ in session.rounds():
        session.keep("starts", turn("ours.starts", {"url": url, "starts": session.sized(1_500, 200)}))
    return [
        alone("starts_in_batches", "starts/s, batches of 100", _median(session, "batch_of_100"), "/s"),
        alone("starts_threads", "starts/s, one by one from 8 threads", _median(session, "threads"), "/s"),
        alone("starts_one_thread", "starts/s, one by one from one thread", _median(session, "one_thread"), "/s"),
    ]


def _median(session: Session, name: str) -> float:
    return statistics.median(session.values("starts", name))
