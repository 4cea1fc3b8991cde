"""Performing a payload that a host's queue has delivered."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Literal

from squidie_core.authoring import Duration
from squidie_core.dataclass import dataclass
from squidie_core.delivery.payloads import Drain, read
from squidie_core.inspection import Snapshot
from squidie_core.inspection.times import moment
from squidie_core.runtime import Squidie, options
from squidie_core.runtime.activations import Cron, activate, resolve


@dataclass(frozen=True, slots=True, kw_only=True)
class Performed:
    """What came of a payload.

    `started`: `run` is new. `existing`: it was there, found by the activation's identity. `skipped`: the same, under a
    trigger that skips duplicates. `drained`: `attempts` were made; `limited`: the drain ended at one of its limits, and
    more may be due.
    """

    outcome: Literal["started", "existing", "skipped", "drained"]
    run: Snapshot | None = None
    attempts: int = 0
    limited: bool = False


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
        return self._activate(task) if isinstance(task, Cron) else self._drain(task)

    def _activate(self, cron: Cron) -> Performed:
        activation = resolve(self._squidie.store.catalog, cron, moment(self._squidie.store.clock.now()))
        run, is_new = activate(self._squidie, activation)
        if is_new:
            return Performed(outcome="started", run=run)
        skips = activation.options.idempotency == "skip_duplicate"
        return Performed(outcome="skipped" if skips else "existing", run=run)

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
