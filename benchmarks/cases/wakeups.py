"""How soon an idle worker of another process begins what is started."""

from __future__ import annotations

import random
import statistics
import time
from typing import Any

from benchmarks.children import Child
from benchmarks.figures import Figure, against, alone
from benchmarks.ours.woken import opened_with
from benchmarks.ours.workflows import Bell, Woken
from benchmarks.session import Session
from benchmarks.usage import milliseconds

SIDES = ("redis", "redis with due hints", "listen/notify", "polling")
IDLE = {"polling": 6.0}
"""Seconds after which an idle worker looks seldom; one that hears hints needs not rest as long."""


def wakeup_latency(session: Session) -> list[Figure]:
    """From the call of `start` to the begin of the first body, p50; the worker has nothing else to do."""
    url = session.stores.ours("postgresql", "wakeups")
    for _ in session.rounds():
        for side in SIDES:
            runs = session.sized(3, 1) if side in IDLE else session.sized(40, 2)
            session.keep(f"wakeups {side}", _turn(session, url, side, runs))
    by_side = {side: session.values(f"wakeups {side}", "p50_ms") for side in SIDES}
    what = "p50 from start to first body in an idle worker"
    redis, listen = by_side["redis"], by_side["listen/notify"]
    return [
        against("wakeup_redis_vs_listen", f"{what}, Redis", redis, listen, "LISTEN/NOTIFY", unit="ms"),
        alone("wakeup_due_hints", f"{what}, Redis with due hints", statistics.median(by_side[SIDES[1]]), "ms"),
        alone("wakeup_polling", f"{what}, polling", statistics.median(by_side["polling"]), "ms"),
    ]


def _turn(session: Session, url: str, side: str, runs: int) -> dict[str, Any]:
    given = {"url": url, "redis": session.stores.redis, "side": side}
    with Child("ours.woken", given) as worker, opened_with(given, Bell()) as squidie:
        worker.hear()
        for _ in range(runs + 1):
            time.sleep(IDLE.get(side, 0.3) * min(1, 10 * session.scale) * random.uniform(1, 1.3))
            squidie.start(Woken.go, {"at": time.monotonic()})
        time.sleep(0.1)
        worker.tell()
        _warmup, *seconds = worker.hear()["seconds"]
        worker.end()
    return dict(milliseconds(seconds))
