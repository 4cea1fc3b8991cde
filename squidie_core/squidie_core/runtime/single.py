"""One attempt in the caller's thread: what `execute_next` does."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager

from squidie_core.errors import StorageError
from squidie_core.runtime.attempts import Attempt
from squidie_core.runtime.engine import Engine, EngineOptions
from squidie_core.runtime.running import run_body
from squidie_core.runtime.slots import Slots
from squidie_core.runtime.store import RunStore
from squidie_core.state import RunState

_log = logging.getLogger("squidie.engine")
_TRIES = 20


def execute_one(
    store: RunStore, *, queue: str, owner_id: str, lease_for: int, heartbeat_every: int | None
) -> RunState | None:
    """Advance one run by one attempt; its state afterwards, or `None` where nothing was due."""
    engine = Engine(store, EngineOptions(queue=queue, owner_id=owner_id, lease_for=lease_for, chain=False))
    with store.telemetry.counting(engine.observer.counters):
        try:
            return _execute(store, engine, heartbeat_every)
        except StorageError as error:
            store.telemetry.store_failed(error)
            raise


def _execute(store: RunStore, engine: Engine, heartbeat_every: int | None) -> RunState | None:
    for _ in range(_TRIES):
        attempts = engine.tick(Slots(store.catalog, threads=1, coroutines=1), poll=engine.idle, limit=1)
        if attempts:
            return _run(store, engine, attempts[0], heartbeat_every)
        if engine.advanced is not None:
            return engine.advanced
        if engine.last_poll_runs == 0 and engine.idle:
            return None
        _wait(engine)
    return None


def _run(store: RunStore, engine: Engine, attempt: Attempt, heartbeat_every: int | None) -> RunState:
    engine.observer.counters.bodies_in_flight = 1
    with _heartbeats(engine, store, heartbeat_every):
        outcome = run_body(attempt, store.catalog.resources)
    engine.observer.counters.bodies_in_flight = 0
    engine.report(attempt, outcome)
    while not engine.idle:
        engine.tick(Slots(store.catalog, threads=0, coroutines=0), poll=False)
        _wait(engine)
    return engine.advanced or store.state(attempt.run_id)


def _wait(engine: Engine) -> None:
    """Until a write that was put off may be tried again."""
    if engine.retry_at is not None:
        time.sleep(max(0.0, engine.retry_at - time.monotonic()))


@contextmanager
def _heartbeats(engine: Engine, store: RunStore, every: int | None) -> Generator[None]:
    """Renew the claim from a thread of its own while the body runs in the caller's."""
    if every is None:
        yield
        return
    over = threading.Event()

    def beat() -> None:
        while not over.wait(every / 1000):
            try:
                engine.renew()
                engine.watch()
                engine.tick(Slots(store.catalog, threads=0, coroutines=0), poll=False)
            except StorageError as error:
                _log.warning("a heartbeat failed: %s", error)

    thread = threading.Thread(target=beat, name="squidie-heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
