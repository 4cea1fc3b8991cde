"""What another process does: `python -m tests.runtime.program COMMAND URL TRAIL [ARGUMENT...]`.

It says `ready`, and begins when it reads a line.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from squidie_core import Squidie, Worker
from tests.runtime.trails import ALL, Single, Trail, along
from tests.runtime.waiting import at_once


def start(squidie: Squidie, key: str, count: str) -> None:
    """Start a run so many times at once; print its ids."""
    for run in at_once(int(count), lambda _: squidie.start(Single.begin, idempotency_key=key)):
        say(run.id)


def race(squidie: Squidie) -> None:
    """Execute what is due, once; print whether there was something."""
    found = squidie.execute_next(lease_for=60)
    say("nothing" if found is None else found.id)


def work(squidie: Squidie, lease_for: str, grace: str, concurrency: str) -> None:
    """Work until a signal comes."""
    worker = Worker(squidie, lease_for=float(lease_for), grace=float(grace), concurrency=int(concurrency))
    worker.run()
    say("stopped")


COMMANDS: dict[str, Callable[..., None]] = {"start": start, "race": race, "work": work}


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201  # how it talks to the test


def main(command: str, url: str, trail: str, *arguments: str) -> None:
    with Squidie(url, workflows=ALL, resources=along(Trail(Path(trail)))) as squidie:
        say("ready")
        sys.stdin.readline()
        COMMANDS[command](squidie, *arguments)


if __name__ == "__main__":
    main(*sys.argv[1:])
