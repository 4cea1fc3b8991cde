"""Free slots of this process's workers, for runs that are started here.

So the commit that starts a run claims its first steps too, and no worker need look for them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager

from squidie_core.dataclass import record
from squidie_core.runtime.attempts import Attempt
from squidie_core.runtime.catalog import Catalog
from squidie_core.runtime.slots import Slots
from squidie_core.state import RunState


@record(frozen=True, slots=True)
class Berth:
    """Slots of one worker that are taken by a start, until `leave` or `board` is called, once."""

    berths: Berths
    slots: Slots
    threads: int
    coroutines: int

    @property
    def owner_id(self) -> str:
        """In whose name to claim."""
        return self.berths.owner_id

    @property
    def lease_for(self) -> int:
        """For how many milliseconds."""
        return self.berths.lease_for

    def leave(self) -> None:
        """Nothing was claimed."""
        self.berths.free(self)

    def board(self, boarding: Boarding) -> None:
        """A run was started with claims for these slots; its state is the worker's from here on."""
        self.berths.on_board(boarding)


@record(frozen=True, slots=True)
class Boarding:
    """A started run on its way to its worker. `wake_at` is that of its index row."""

    berth: Berth
    state: RunState
    attempts: list[Attempt]
    wake_at: int | None


class Berths:
    """What one worker has to give away. Safe to use from any thread.

    There is something only while the worker waits, so that no slot is used twice.
    """

    def __init__(self, catalog: Catalog, owner_id: str, lease_for: int, on_board: Callable[[Boarding], None]) -> None:
        self.owner_id = owner_id
        self.lease_for = lease_for
        self.on_board = on_board
        self._catalog = catalog
        self._lock = threading.Lock()
        self._open = (0, 0)
        self._taken = (0, 0)

    def open(self, threads: int, coroutines: int) -> None:
        """Give away up to so many."""
        with self._lock:
            self._open = (threads, coroutines)

    def close(self) -> tuple[int, int]:
        """Give away no more; how many threads and coroutines are taken by runs that are not on board yet."""
        with self._lock:
            self._open = (0, 0)
            return self._taken

    def take(self, wanted: int) -> Berth | None:
        """Up to so many slots of either kind, if there are any."""
        with self._lock:
            threads, coroutines = min(wanted, self._open[0]), min(wanted, self._open[1])
            if threads + coroutines == 0:
                return None
            self._open = (self._open[0] - threads, self._open[1] - coroutines)
            self._taken = (self._taken[0] + threads, self._taken[1] + coroutines)
        return Berth(self, Slots(self._catalog, threads, coroutines), threads, coroutines)

    def free(self, berth: Berth) -> tuple[int, int]:
        """The berth is no longer taken, and what is; the worker gives it away again when it waits the next time."""
        with self._lock:
            self._taken = (self._taken[0] - berth.threads, self._taken[1] - berth.coroutines)
            return self._taken


class Hosts:
    """The workers of this process, by queue. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_queue: dict[str, tuple[Berths, ...]] = {}

    @contextmanager
    def hosting(self, queue: str, berths: Berths) -> Generator[None]:
        """Let starts on the queue find the berths while the block runs."""
        with self._lock:
            self._by_queue[queue] = (*self._by_queue.get(queue, ()), berths)
        try:
            yield
        finally:
            with self._lock:
                self._by_queue[queue] = tuple(other for other in self._by_queue[queue] if other is not berths)

    def berth(self, queue: str, wanted: int) -> Berth | None:
        """Slots of a worker that waits for work of the queue, at most `wanted` of a kind."""
        for berths in self._by_queue.get(queue, ()):
            berth = berths.take(wanted)
            if berth is not None:
                return berth
        return None
