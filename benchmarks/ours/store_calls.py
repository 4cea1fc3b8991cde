"""Appends and claims of an adapter and of the bare client, in turns, on the same store, from one thread.

Each has a namespace of its own. What is written are the appends of a run as a worker wrote them, under other ids: in
each turn runs are started (which is not measured), half of them claimed and appended to one by one, the others many at
a time; then the rest of their appends is written in groups.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Protocol

from benchmarks.bare import OFFERS, RESERVE_FOR, bare_client
from benchmarks.ours.bound import copied, recorded
from benchmarks.ours.watched import opened
from benchmarks.speaking import options, ready, say
from benchmarks.usage import milliseconds
from squidie_core.journal.commit import COMMITTED, Append, Commit
from squidie_core.memory import MemoryStorage
from squidie_core.ports import Storage

GROUP = 32
QUEUE = "default"


class Side(Protocol):
    """One of the two."""

    def append(self, appends: Sequence[Append]) -> int:
        """How many were accepted."""
        ...

    def claim(self, queue: str, limit: int) -> Sequence[tuple[Any, ...]]:
        """Runs' ids, and their journals."""
        ...


class Ours:
    """An adapter."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def append(self, appends: Sequence[Append]) -> int:
        """One call."""
        results = self._storage.commit([Commit((append,)) for append in appends])
        return sum(result == COMMITTED for result in results)

    def claim(self, queue: str, limit: int) -> Sequence[tuple[Any, ...]]:
        """One call."""
        return [
            (run.thread_id, run.head, [commit.body for commit in run.loaded.commits])
            for run in self._storage.due(queue, offers=OFFERS, limit=limit, reserve_for=RESERVE_FOR).runs
            if run.loaded is not None
        ]


class Times:
    """Seconds that calls took, by what was called; a group's for each that was in it."""

    def __init__(self) -> None:
        self.taken: dict[str, list[float]] = {}

    def add(self, what: str, began: float, count: int, wanted: int) -> None:
        """One call is over. Raises RuntimeError where it did not do what it was to do."""
        took = time.perf_counter() - began
        if count != wanted:
            raise RuntimeError(f"{what}: {count} of {wanted}")
        self.taken.setdefault(what, []).append(took / count)

    def summary(self) -> dict[str, dict[str, float]]:
        """Of each: how many a second, and quantiles of the time that one took."""
        return {
            what: {"per_second": len(taken) / sum(taken), **milliseconds(taken)} for what, taken in self.taken.items()
        }


def exercise(side: Side, start: Storage, template: Sequence[Append], runs: int, times: Times) -> None:
    """One turn. `runs` is a multiple of two groups."""
    copies = [copied(template, 0) for _ in range(runs)]
    for at in range(0, runs, GROUP):
        start.commit([Commit((run[0],)) for run in copies[at : at + GROUP]])
    by_id = {run[0].thread_id: run for run in copies}

    def claim(what: str, limit: int) -> list[list[Append]]:
        began = time.perf_counter()
        claimed = side.claim(QUEUE, limit)
        times.add(what, began, len(claimed), limit)
        return [by_id[run_id] for run_id, *_ in claimed]

    def append(what: str, appends: Sequence[Append]) -> None:
        began = time.perf_counter()
        written = side.append(appends)
        times.add(what, began, written, len(appends))

    for _ in range(runs // 2):
        for run in claim("claim", 1):
            append("append", [run[1]])
    for _ in range(runs // 2 // GROUP):
        append("append_group", [run[1] for run in claim("claim_group", GROUP)])
    for place in range(2, len(template)):
        for at in range(0, runs, GROUP):
            append("append_group", [run[place] for run in copies[at : at + GROUP]])


def main() -> None:
    """Warm up, then turn by turn."""
    given = options()
    url, runs = given["url"], max(given["runs"] // GROUP // 2, 1) * GROUP * 2
    joint = "&" if "?" in url else "?"
    stores = {side: opened(f"{url}{joint}namespace={side}") for side in ("ours", "bare")}
    bare = bare_client(url, "bare")
    sides: dict[str, Side] = {"ours": Ours(stores["ours"]), "bare": bare}
    template = recorded(MemoryStorage())
    for side, client in sides.items():
        exercise(client, stores[side], template, GROUP * 2, Times())
    ready()
    times = {side: Times() for side in sides}
    for _ in range(given["turns"]):
        for side, client in sides.items():
            exercise(client, stores[side], template, runs, times[side])
    for store in stores.values():
        store.close()
    bare.close()
    say(**{side: measured.summary() for side, measured in times.items()})


if __name__ == "__main__":
    main()
