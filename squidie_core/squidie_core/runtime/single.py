"""One attempt, taken by whoever calls: what `execute_next` is made of."""

from __future__ import annotations

import contextvars
import logging
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from squidie_core.dataclass import record
from squidie_core.errors import StorageError
from squidie_core.runtime.attempts import Attempt, Outcome
from squidie_core.runtime.engine import Engine, EngineOptions
from squidie_core.runtime.running import run_attempt
from squidie_core.runtime.slots import Slots
from squidie_core.runtime.store import RunStore
from squidie_core.state import RunState

_log = logging.getLogger("squidie.engine")
_TRIES = 20


@record(frozen=True, slots=True, kw_only=True)
class TurnOptions:
    """Durations in milliseconds; without `heartbeat_every` the claim is not renewed."""

    queue: str
    owner_id: str
    lease_for: int
    heartbeat_every: int | None


class Turn:
    """A look at the queue, and one attempt through its body. For one thread at a time; a context manager, used once."""

    def __init__(self, store: RunStore, options: TurnOptions, on_lost: Callable[[Attempt], None] | None = None) -> None:
        self._store = store
        self._heartbeat_every = options.heartbeat_every
        self._engine = Engine(
            store,
            EngineOptions(queue=options.queue, owner_id=options.owner_id, lease_for=options.lease_for, chain=False),
            on_lost,
        )
        self._counting = store.telemetry.counting(self._engine.observer.counters)
        self._over = threading.Event()
        self._beating: threading.Thread | None = None

    def execute(self) -> RunState | None:
        """Advance one run by one attempt; its state afterwards, or `None` where nothing was due."""
        attempt = self.take()
        return self.advanced if attempt is None else self.run(attempt)

    @property
    def advanced(self) -> RunState | None:
        """The state of the run that was advanced, if one was."""
        return self._engine.writer.advanced

    def take(self) -> Attempt | None:
        """Claim an attempt, whose claim is renewed from now on; `None` where nothing is due or no body is needed."""
        for _ in range(_TRIES):
            attempts = self._engine.tick(self._slots(1), poll=self._engine.idle, limit=1)
            if attempts:
                self._begin(attempts[0])
                return attempts[0]
            if self._engine.writer.advanced is not None or (self._engine.last_poll_runs == 0 and self._engine.idle):
                return None
            self._wait()
        return None

    def run(self, attempt: Attempt) -> RunState:
        """Run the body in this thread, with the context variables of who asks, and write what follows."""
        try:
            outcome = contextvars.copy_context().run(run_attempt, self._store, attempt)
        finally:
            self.give_up()
        return self.end(attempt, outcome)

    def end(self, attempt: Attempt, outcome: Outcome) -> RunState:
        """Write what follows from the outcome."""
        self.give_up()
        if self._beating is not None:
            self._beating.join()
        self._engine.observer.counters.bodies_in_flight = 0
        self._engine.report(attempt, outcome)
        while not self._engine.idle:
            self._engine.tick(self._slots(0), poll=False)
            self._wait()
        return self._engine.writer.advanced or self._store.state(attempt.run_id)

    def give_up(self) -> None:
        """Renew the claim no more."""
        self._over.set()

    def _slots(self, count: int) -> Slots:
        return Slots(self._store.catalog, threads=count, coroutines=count)

    def _wait(self) -> None:
        """Until a write that was put off may be tried again."""
        if self._engine.retry_at is not None:
            time.sleep(max(0.0, self._engine.retry_at - time.monotonic()))

    def _begin(self, attempt: Attempt) -> None:
        self._engine.observer.counters.bodies_in_flight = 1
        if self._heartbeat_every is not None:
            interval = self._heartbeat_every / 1000
            self._beating = threading.Thread(
                target=self._beat, args=(interval,), name=f"squidie-heartbeat-{attempt.step.name}", daemon=True
            )
            self._beating.start()

    def _beat(self, interval: float) -> None:
        """Renew the claim while the body runs: until then the engine is this thread's."""
        while not self._over.wait(interval):
            try:
                self._engine.renew()
                self._engine.watch()
                self._engine.tick(self._slots(0), poll=False)
            except StorageError as error:
                _log.warning("a heartbeat failed: %s", error)

    def __enter__(self) -> Self:
        self._counting.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._counting.__exit__(kind, error, trace)
        if isinstance(error, StorageError):
            self._store.telemetry.store_failed(error)
