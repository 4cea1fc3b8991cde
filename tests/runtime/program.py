"""What other processes do: `python -m tests.runtime.program COPIES COMMAND URL TRAIL [ARGUMENT...]`.

The process becomes so many, which all do the same. It says `ready`, and begins when it reads a line.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from squidie_core import Squidie, Worker
from squidie_core.plugins import installed_plugins
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
    os.write(sys.stdout.fileno(), f"{line}\n".encode())  # at once, so that copies do not cut into each other's lines


def main(copies: str, command: str, url: str, trail: str, *arguments: str) -> None:
    installed_plugins()  # so that the copies need not import them
    twins = Twins(int(copies) - 1)
    with Squidie(url, workflows=ALL, resources=along(Trail(Path(trail)))) as squidie:
        twins.wait_for_word()
        COMMANDS[command](squidie, *arguments)
    twins.join()


class Twins:
    """Processes that do the same as this one, and begin when it begins. Made while there is one thread only."""

    def __init__(self, count: int) -> None:
        self._ready, self._say_ready = os.pipe()
        self._word, self._give_word = os.pipe()
        self._children: list[int] = []
        self._is_first = True
        for _ in range(count):
            child = os.fork()
            if child == 0:
                self._is_first = False
                os.close(self._give_word)
                break
            self._children.append(child)

    def wait_for_word(self) -> None:
        """Return in all of them when the first reads a line."""
        if self._is_first:
            for _ in self._children:
                os.read(self._ready, 1)
            say("ready")
            sys.stdin.readline()
            os.close(self._give_word)
        else:
            os.write(self._say_ready, b".")
            os.read(self._word, 1)  # nothing ever comes: it returns when the first closes the other end

    def join(self) -> None:
        """Wait for the others."""
        if self._is_first:
            for child in self._children:
                os.waitpid(child, 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
