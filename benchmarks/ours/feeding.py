"""Runs to be measured, started through the API."""

from __future__ import annotations

import time

from benchmarks.ours.chain import Chain
from benchmarks.ours.workflows import WORKFLOWS, Wide
from squidie_core import Squidie

AT_ONCE = 200


def feed(url: str, runs: int) -> None:
    """Start so many chains; all connections are closed afterwards."""
    with Squidie(url, workflows=WORKFLOWS) as squidie:
        for at in range(0, runs, AT_ONCE):
            squidie.start_many(Chain.go, [{"number": number} for number in range(at, min(at + AT_ONCE, runs))])


def feed_wide(url: str) -> None:
    """Start one run of many parallel nodes."""
    with Squidie(url, workflows=WORKFLOWS) as squidie:
        squidie.start(Wide)


def wait_until_finished(squidie: Squidie, seconds: float = 120) -> None:
    """Wait until no run is under way."""
    end = time.monotonic() + seconds
    while squidie.list_runs(status="running", limit=1).runs:
        if time.monotonic() > end:
            raise TimeoutError("runs are still under way")
        time.sleep(0.1)
