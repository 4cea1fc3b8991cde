"""Performing a payload that a host's queue has delivered."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Literal

from squidie_core.authoring import Duration
from squidie_core.dataclass import dataclass
from squidie_core.delivery.payloads import Drain, read
from squidie_core.errors import PurgedError
from squidie_core.inspection import Snapshot
from squidie_core.runtime import Squidie, options
from squidie_core.runtime.activations import Cron, activate, repeated
from squidie_core.runtime.blocking import warns_in_event_loops


@dataclass(frozen=True, slots=True, kw_only=True)
class Performed:
    """What came of a payload.

    `started`: `run` is new. `existing`: it was there, found by the activation's identity. `skipped`: the same, under a
    trigger that skips duplicates. Of a run that is purged by now there is no `run`. `drained`: `attempts` were made;
    `limited`: the drain ended at one of its limits, and more may be due.
    """

    outcome: Literal["started", "existing", "skipped", "drained"]
    run: Snapshot | None = None
    attempts: int = 0
    limited: bool = False


def perform_cron(squidie: Squidie, cron: Cron, *, once: bool = False) -> Performed:
    """Start the run of an activation; with `once` one for its identity, whatever the trigger says."""
    try:
        run, outcome = activate(squidie, cron, once=once)
    except PurgedError:  # it was done: there is nothing that a later delivery could do
        return Performed(outcome=repeated(squidie.store.catalog, cron, None))
    return Performed(outcome=outcome, run=run)


@warns_in_event_loops("call `await asyncio.to_thread(runner.{name}, ...)`")
class Runner:
    """Performs payloads on a Squidie; safe to use from any thread.

    `owner_id` and `lease_for` are those of the attempts that a drain claims, which are renewed while their bodies run.
    """

    def __init__(self, squidie: Squidie, *, owner_id: str | None = None, lease_for: Duration = 30) -> None:
        self._squidie = squidie
        self._owner_id = options.owner(owner_id)
        self._lease_for = options.milliseconds("lease_for", lease_for, least=200) / 1000

    def perform(self, payload: Mapping[str, Any], /) -> Performed:
        """Do what the payload asks for; doing it again is harmless where its trigger has an `idempotency=`.

        A drain makes attempts; whether they succeed is their runs' matter and no failure of the delivery. Raises
        OptionError (`invalid_runtime_payload`, `missing_schedule_idempotency_key`) for what can never be performed,
        NotFoundError for what is not registered here, and StorageError.
        """
        task = read(payload)
        return perform_cron(self._squidie, task) if isinstance(task, Cron) else self._drain(task)

    def _drain(self, drain: Drain) -> Performed:
        began = time.monotonic()
        attempts = self._squidie.drain(
            limit=drain.limit,
            time_limit=drain.time_limit,
            queue=drain.queue,
            owner_id=self._owner_id,
            lease_for=self._lease_for,
            heartbeat_every=self._lease_for / 3,
        )
        limited = attempts >= drain.limit or time.monotonic() - began >= drain.time_limit
        return Performed(outcome="drained", attempts=attempts, limited=limited)
