"""The price of looking for due runs where nothing is due, in stores named by the benchmark, in turns."""

from __future__ import annotations

import time

from benchmarks.ours.watched import opened
from benchmarks.speaking import options, ready, say
from benchmarks.usage import milliseconds
from squidie_core.ports import Storage

OFFERS = ("chain:one", "chain:two", "chain:three", "chain:*")


def look(storage: Storage) -> float:
    """One look, as an idle worker makes it."""
    began = time.perf_counter()
    batch = storage.due("default", offers=OFFERS, limit=32, reserve_for=1_000)
    took = time.perf_counter() - began
    if batch.runs:
        raise RuntimeError("this store was to have nothing due")
    return took


def main() -> None:
    """Look at each store in turn, again and again."""
    given = options()
    storages = {name: opened(url) for name, url in given["urls"].items()}
    samples: dict[str, list[float]] = {name: [] for name in storages}
    for _ in range(given["warmup"]):
        for storage in storages.values():
            look(storage)
    ready()
    for _ in range(given["samples"]):
        time.sleep(given["pause"])
        for name, storage in storages.items():
            samples[name].append(look(storage))
    for storage in storages.values():
        storage.close()
    say(**{name: milliseconds(taken) for name, taken in samples.items()})


if __name__ == "__main__":
    main()
