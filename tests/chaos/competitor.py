"""A process that appends to the same runs as others, in groups: `python -m tests.chaos.competitor URL RUNS SEED`.

It is told by lines: `report` for the results since the last report, as JSON, `stop` for the last of them and its end.
"""

from __future__ import annotations

import json
import random
import select
import sys
from collections import Counter

from squidie_contract.engine.appends import append
from squidie_core.journal.commit import Commit
from squidie_core.plugins import open_plugin
from squidie_core.ports.storage import Storage

GROUP = 128
APPENDED = ("one", "two")
"""The notes of an append: two entries."""


def name(number: int) -> str:
    """The id of a run."""
    return f"run-{number:03}"


def compete(storage: Storage, runs: int, chosen: random.Random) -> None:
    """Append to half of the runs at a time, on the heads that they have then."""
    results = {name(number): Counter[str]() for number in range(runs)}
    while True:
        some = chosen.sample(list(results), min(GROUP, runs))
        heads = storage.heads(some)
        group = [Commit((append(one, heads[one].head, *APPENDED),)) for one in some]
        for one, result in zip(some, storage.commit(group), strict=True):
            results[one][type(result).__name__] += 1
        if not select.select([sys.stdin], [], [], 0)[0]:
            continue
        word = sys.stdin.readline()
        print(json.dumps(results), flush=True)  # noqa: T201  # how it talks to the test
        if word != "report\n":
            return
        results = {one: Counter[str]() for one in results}


if __name__ == "__main__":
    url, runs, seed = sys.argv[1:]
    store: Storage = open_plugin("storage", url, {})
    try:
        compete(store, int(runs), random.Random(seed))  # noqa: S311  # it guards nothing
    finally:
        store.close()
