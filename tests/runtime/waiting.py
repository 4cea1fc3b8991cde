"""Waiting for what threads and processes do: a condition and a deadline, never a time that ought to suffice."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 100
"""Seconds until something counts as not happening: machines may be busy, so nothing depends on how long it took.

Less than a test may take, so that it says what it waited for.
"""


def eventually(look: Callable[[], T | None], *, within: float = PATIENCE) -> T:
    """What `look` gives, as soon as that is true."""
    end = time.monotonic() + within
    while not (found := look()):
        if time.monotonic() > end:
            raise AssertionError(f"waited {within:g} s in vain")
        time.sleep(0.005)
    return found


def at_once(count: int, task: Callable[[int], T]) -> list[T]:
    """What `task` gives for each of so many threads, which all begin together."""
    barrier = threading.Barrier(count)

    def begin(number: int) -> T:
        barrier.wait(PATIENCE)
        return task(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(begin, range(count)))
