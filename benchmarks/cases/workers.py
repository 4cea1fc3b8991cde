"""Turns of our own worker processes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from itertools import accumulate
from typing import Any

from benchmarks.children import Child, turn
from benchmarks.ours.feeding import feed, wait_until_finished
from benchmarks.session import Session
from squidie_core import Squidie

Moments = Sequence[Sequence[float]]
"""For each commit: when it began, when it returned, how many runs it ended."""


def one_worker(session: Session, kind: str, url: str, runs: int) -> dict[str, Any]:
    """Feed the store, then let one worker finish everything; the first fifth is its warm-up."""
    warmup = runs // 5
    feed(url, runs)
    before = session.stores.transactions(kind, url)
    result = turn("ours.work", {"url": url, "server": session.stores.server_pid(kind), "warmup": warmup, "last": runs})
    transactions = session.stores.transactions(kind, url) - before
    return {
        "runs_per_second": rate_after(result["moments"], warmup),
        "transactions_per_run": transactions / runs,
        **result["used"],
    }


def rate_after(moments: Moments, warmup: int) -> float:
    """Runs per second from the commit that ended the warm-up to the last one."""
    so_far = list(accumulate(ended for _, _, ended in moments))
    first = next(place for place, count in enumerate(so_far) if count >= warmup)
    return (so_far[-1] - so_far[first]) / (moments[-1][1] - moments[first][1])


def several_workers(url: str, workers: int, begin: Callable[[], object]) -> list[Moments]:
    """Start worker processes, then `begin` (what feeds the store), then let all work until nothing is under way."""
    with ExitStack() as stack:
        children = [stack.enter_context(Child("ours.work", {"url": url})) for _ in range(workers)]
        for child in children:
            child.hear()
        begin()
        for child in children:
            child.tell()
        with Squidie(url) as squidie:
            wait_until_finished(squidie)
        for child in children:
            child.tell()
        return [child.hear()["moments"] for child in children]


def rate_together(all_moments: Sequence[Moments]) -> float:
    """Runs per second while all workers were at it."""
    ends = [[moment for moment in moments if moment[2]] for moments in all_moments]
    at_it = [moments for moments in ends if moments]
    first = max(moments[0][1] for moments in at_it)
    last = min(moments[-1][1] for moments in at_it)
    ended = sum(moment[2] for moments in at_it for moment in moments if first < moment[1] <= last)
    return ended / (last - first)
