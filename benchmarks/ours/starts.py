"""Durable starts per second: in batches, one by one from one thread, and one by one from several."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from benchmarks.ours.chain import Chain
from benchmarks.ours.watched import opened
from benchmarks.ours.workflows import WORKFLOWS
from benchmarks.speaking import options, ready, say
from squidie_core import Squidie

THREADS = 8
BATCH = 100


def rate(starts: int, work: Callable[[], object]) -> float:
    """Starts per second."""
    began = time.perf_counter()
    work()
    return starts / (time.perf_counter() - began)


def main() -> None:
    """Measure what there is."""
    given = options()
    starts = given["starts"]
    with Squidie(opened(given["url"]), workflows=WORKFLOWS) as squidie, ThreadPoolExecutor(THREADS) as threads:

        def one(number: int) -> object:
            return squidie.start(Chain.go, {"number": number})

        def from_threads(count: int) -> None:
            for _ in threads.map(one, range(count)):
                pass

        def from_one(count: int) -> None:
            for number in range(count):
                one(number)

        def in_batches(count: int) -> None:
            for _ in range(count // BATCH):
                squidie.start_many(Chain.go, [{"number": number} for number in range(BATCH)])

        from_threads(50)
        in_batches(2 * BATCH)
        ready()
        batched = max(5 * starts // BATCH, 3) * BATCH
        result = {
            "one_thread": rate(starts // 2, lambda: from_one(starts // 2)),
            "threads": rate(starts, lambda: from_threads(starts)),
            "batch_of_100": rate(batched, lambda: in_batches(batched)),
        }
    say(**result)


if __name__ == "__main__":
    main()
