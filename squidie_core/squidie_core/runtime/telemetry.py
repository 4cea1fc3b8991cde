"""What a Squidie counts as a whole, and whom it tells."""

from __future__ import annotations

import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from squidie_core.errors import StorageError
from squidie_core.journal.commit import Append, CommitResult, Committed
from squidie_core.runtime.counters import Counters, sum_of
from squidie_core.state import RunState

if TYPE_CHECKING:
    from squidie_core.inspection.metrics import Metrics
    from squidie_core.ports.instrumentation import Instrumentation
    from squidie_core.runtime.telling import Teller


class Telemetry:
    """The counters of one Squidie, and its instrumentation. Safe to use from any thread.

    `teller` is `None` where nobody listens, so that no event need be made. It is called without a lock.
    """

    def __init__(self, instrumentation: Instrumentation | None = None) -> None:
        self.teller: Teller | None = None
        if instrumentation is not None:
            from squidie_core.runtime.telling import Teller  # noqa: PLC0415  # events are for those who want them

            self.teller = Teller(instrumentation)
        self._lock = threading.Lock()
        self._kept = Counters()
        """What threads counted that are over, or that count seldom."""
        self._live: list[Counters] = []

    def read(self) -> Metrics:
        """Everything that was counted so far."""
        with self._lock:
            return sum_of([self._kept, *self._live])

    @contextmanager
    def counting(self, counters: Counters) -> Generator[None]:
        """Let this thread's counters be read while the block runs; what they say at its end is kept."""
        with self._lock:
            self._live.append(counters)
        try:
            yield
        finally:
            with self._lock:
                self._live = [other for other in self._live if other is not counters]
                counters.bodies_in_flight = 0
                self._kept.add(counters)

    def started(self, state: RunState) -> None:
        """A new run is in the store."""
        with self._lock:
            self._kept.runs_started += 1
        if self.teller is not None:
            self.teller.begun(state)
        if state.terminal:
            self.ended(state)

    def ended(self, state: RunState) -> None:
        """A run was ended by a command."""
        with self._lock:
            self._kept.ended(state.status)
        if self.teller is not None:
            self.teller.run_ended(state)

    def wrote(self, appends: Sequence[Append], results: Sequence[CommitResult], seconds: float) -> None:
        """A command brought these appends to the store in one call."""
        without_effect = [
            (append, result)
            for append, result in zip(appends, results, strict=True)
            if not isinstance(result, Committed)
        ]
        with self._lock:
            self._kept.wrote(len(appends), len(without_effect))
            for _, result in without_effect:
                self._kept.repeats(result)
        if self.teller is not None:
            self.teller.wrote(len(appends), len(without_effect), seconds)
            for append, result in without_effect:
                self.teller.repeats(append.thread_id, result)

    def wrote_checkpoint(self) -> None:
        """A checkpoint is in the store."""
        with self._lock:
            self._kept.checkpoints_written += 1

    def quarantined(self, run_id: str, reason: str) -> None:
        """A run was taken out of its queue."""
        with self._lock:
            self._kept.runs_quarantined += 1
        if self.teller is not None:
            self.teller.quarantined(run_id, reason)

    def store_failed(self, error: StorageError) -> None:
        """The store did not answer somebody who executes."""
        with self._lock:
            self._kept.store_failures += 1
        if self.teller is not None:
            self.teller.store_failed(error.code, error.message)
