"""What a Squidie counts as a whole, and whom it tells."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager

from squidie_core.errors import StorageError
from squidie_core.inspection.metrics import Metrics
from squidie_core.journal.commit import Append, Busy, CommitResult, Committed, Conflict
from squidie_core.journal.redaction import scrub
from squidie_core.ports.instrumentation import (
    Event,
    GroupWritten,
    Instrumentation,
    RunBegun,
    RunEnded,
    RunQuarantined,
    StoreFailed,
    WithoutEffect,
    WriteRepeated,
)
from squidie_core.runtime.counters import Counters, sum_of
from squidie_core.state import RunState

_log = logging.getLogger("squidie.instrumentation")

Tell = Callable[[Event], None]


class Telemetry:
    """The counters of one Squidie, and its instrumentation. Safe to use from any thread.

    `tell` is `None` where nobody listens, so that the event need not even be made. It is called without a lock.
    """

    def __init__(self, instrumentation: Instrumentation | None = None) -> None:
        self.tell: Tell | None = None if instrumentation is None else _Teller(instrumentation)
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
        if self.tell is not None:
            self.tell(
                RunBegun(
                    run_id=state.run_id,
                    workflow=state.workflow,
                    queue=state.queue,
                    trigger=state.trigger,
                    priority=state.priority,
                )
            )
        if state.terminal:
            self.ended(state)

    def ended(self, state: RunState) -> None:
        """A run was ended by a command."""
        with self._lock:
            self._kept.ended(state.status)
        if self.tell is not None:
            self.tell(run_ended(state))

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
                self._kept.repeats(reason_of(result))
        if self.tell is not None:
            self.tell(GroupWritten(appends=len(appends), refused=len(without_effect), seconds=seconds))
            for append, result in without_effect:
                self.tell(WriteRepeated(run_id=append.thread_id, reason=reason_of(result)))

    def wrote_checkpoint(self) -> None:
        """A checkpoint is in the store."""
        with self._lock:
            self._kept.checkpoints_written += 1

    def quarantined(self, run_id: str, reason: str) -> None:
        """A run was taken out of its queue."""
        with self._lock:
            self._kept.runs_quarantined += 1
        if self.tell is not None:
            self.tell(RunQuarantined(run_id=run_id, reason=scrub(reason)))

    def store_failed(self, error: StorageError) -> None:
        """The store did not answer somebody who executes."""
        with self._lock:
            self._kept.store_failures += 1
        if self.tell is not None:
            self.tell(StoreFailed(code=error.code, message=scrub(error.message)))


def reason_of(result: CommitResult) -> WithoutEffect:
    """Why an append had no effect."""
    if isinstance(result, Conflict):
        return "conflict"
    return "busy" if isinstance(result, Busy) else "refused"


def run_ended(state: RunState) -> RunEnded:
    """The event for a run that is over."""
    return RunEnded(
        run_id=state.run_id,
        workflow=state.workflow,
        queue=state.queue,
        status=state.status,
        seconds=((state.ended_at or state.last_at) - state.started_at) / 1000,
    )


class _Teller:
    """Tells an instrumentation, and puts up with one that raises."""

    def __init__(self, instrumentation: Instrumentation) -> None:
        self._instrumentation = instrumentation
        self._complained = False

    def __call__(self, event: Event) -> None:
        try:
            self._instrumentation.on_event(event)
        except Exception:  # noqa: BLE001  # it is code of the host's
            if not self._complained:
                self._complained = True
                _log.exception("the instrumentation raised; whatever else it raises is ignored")
