"""What the in-memory adapters share: a world stands for one server that several clients work on."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from itertools import count

from squidie_core.errors import OptionError
from squidie_core.memory.deliveries import DeliveryQueue
from squidie_core.memory.listeners import Listener
from squidie_core.memory.threads import Namespace


class MemoryWorld:
    """One process's stand-in for a server: clients made with the same world work on the same things.

    `clock` gives milliseconds since the epoch; tests pass one that they turn by hand. Thread-safe: clients hold
    `lock` while they look or write.
    """

    def __init__(self, *, clock: Callable[[], int] | None = None) -> None:
        self.clock: Callable[[], int] = clock or wall_clock
        self.lock = threading.Lock()
        self.namespaces: defaultdict[str, Namespace] = defaultdict(Namespace)
        self.deliveries: defaultdict[str, DeliveryQueue] = defaultdict(DeliveryQueue)
        self.tokens = count(1)
        self.listeners: set[Listener] = set()


def wall_clock() -> int:
    """Milliseconds since the epoch by this machine's clock."""
    return time.time_ns() // 1_000_000


def world_of(world: MemoryWorld | None, clock: Callable[[], int] | None) -> MemoryWorld:
    """The world that a client works on: the one it was given, or one of its own."""
    if world is None:
        return MemoryWorld(clock=clock)
    if clock is not None:
        raise OptionError("clock: the clock is the world's; pass it to MemoryWorld(clock=...)")
    return world
