"""A worker in a process of its own: `python -m tests.failures.program OPTIONS`, one JSON object.

It says `ready` once the store is open, and why not where it is refused; it works until a signal comes. What it logs
goes to its error output. On SIGUSR1 its files may not grow any more, on SIGUSR2 they may again.
"""

from __future__ import annotations

import json
import logging
import resource
import signal
import sys
import time
from types import FrameType
from typing import Any

ROOM = 32 * 1024


def set_clock(seconds: float) -> None:
    """Have everything that is imported from now on see another time of day. Time that passes is as long as ever."""
    real, real_ns = time.time, time.time_ns
    time.time = lambda: real() + seconds
    time.time_ns = lambda: real_ns() + round(seconds * 1_000_000_000)


def limit_files(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  # the signature of handlers
    """Leave room for what it logs, but not for what it stores."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM if number == signal.SIGUSR1 else hard, hard))


def main(given: str) -> None:
    options: dict[str, Any] = json.loads(given)
    set_clock(options.pop("clock", 0))
    for number in (signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, limit_files)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    from tests.failures.application import Refused, serve  # noqa: PLC0415  # what it imports sees the clock

    try:
        serve(say=lambda line: print(line, flush=True), **options)  # noqa: T201  # how it talks to the test
    except Refused as refused:
        sys.exit(str(refused))


if __name__ == "__main__":
    main(sys.argv[1])
