"""What hosts, schedulers and operators ask for, whether it is allowed or not; each gives the run that it came to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

from squidie_core import Payload, Runner, Signal, Snapshot, Squidie, Window, Workflow
from squidie_core.errors import ConflictError, DynamicWorkError
from squidie_core.runtime.commands import Commands
from tests.simulation.plans import WAIT
from tests.simulation.workflows import dynamic_work

Command: TypeAlias = Callable[[Squidie, str, str], Snapshot]
"""Asks for something to be done about a run, under an idempotency key."""

_DAY = datetime(2027, 1, 15, tzinfo=UTC)
_SAID: dict[str, Any] = {"occurred_at": _DAY, "actor": "ada"}


def start(squidie: Commands, workflow: type[Workflow], number: int, choice: int) -> Snapshot:
    """Start a run in one of the ways that there are, at once or later, first or last in its queue."""
    way, choice = choice % 3, choice // 3
    delay = (0, 0, WAIT)[choice % 3]
    priority = (5, 5, 0, 9)[choice // 3 % 4]
    payload, key = {"number": number}, f"run {number}"
    if way == 0:
        return squidie.start(workflow, payload, idempotency_key=key, delay=delay, priority=priority)
    if way == 1:
        return squidie.apply_signal(
            Signal.start_run(
                workflow, payload, idempotency_key=key, delay=delay, priority=priority, occurred_at=_SAID["occurred_at"]
            )
        )
    trigger: Any = vars(workflow)["begin"]
    (run,) = squidie.start_many(trigger, [payload], idempotency_keys=[key], delay=delay, priority=priority)
    return run


def deliver(squidie: Squidie, workflow: type[Workflow], day: int, choice: int) -> Snapshot | None:
    """A schedule comes round, perhaps not for the first time. `None`: the window's run was purged."""
    window = Window(_DAY + timedelta(days=day), _DAY + timedelta(days=day + 1))
    if choice % 2:
        return Runner(squidie).perform(Payload.cron(workflow, "nightly", intended_window=window)).run
    bounds = {"start_at": window.start, "end_at": window.end}
    return squidie.apply_signal(
        Signal.start_cron(workflow, "nightly", intended_window=bounds, occurred_at=_SAID["occurred_at"])
    )


COMMANDS: Sequence[Command] = (
    lambda squidie, run, key: squidie.approve(run, actor="ada", idempotency_key=key),
    lambda squidie, run, key: squidie.apply_signal(Signal.approve_run(run, idempotency_key=key, **_SAID)),
    lambda squidie, run, key: squidie.reject(run, actor="ada", idempotency_key=key),
    lambda squidie, run, key: squidie.apply_signal(Signal.reject_run(run, idempotency_key=key, **_SAID)),
    lambda squidie, run, key: squidie.resume(run, idempotency_key=key),
    lambda squidie, run, key: squidie.apply_signal(Signal.resume_run(run, idempotency_key=key, **_SAID)),
    lambda squidie, run, key: squidie.cancel(run, children=True, idempotency_key=key),
    lambda squidie, run, key: squidie.cancel(run, compensate=True, idempotency_key=key),
    lambda squidie, run, key: squidie.apply_signal(Signal.cancel_run(run, idempotency_key=key, **_SAID)),
)
"""What operators ask for, as calls and as signals."""

REPLAYS: Sequence[Command] = (
    lambda squidie, run, key: squidie.replay(run, idempotency_key=key),
    lambda squidie, run, key: squidie.replay(run, allow_irreversible=True, definition="current", idempotency_key=key),
    lambda squidie, run, key: squidie.apply_signal(Signal.replay_run(run, idempotency_key=key, **_SAID)),
)


def add(squidie: Squidie, run: str, choice: int) -> None:
    """An application adds dynamic work to a run, whether that takes it or not."""
    attempts = squidie.inspect_run(run).attempts
    work = dynamic_work(attempts[choice % len(attempts)], choice)
    with suppress(DynamicWorkError, ConflictError):
        if choice % 5:
            squidie.schedule_dynamic_work(run, work)
        else:
            squidie.record_dynamic_work(run, work)
