"""An attempt on its way through its body, and what came of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any, TypeAlias

from squidie_core.authoring import Body
from squidie_core.dataclass import dataclass, record
from squidie_core.definition.model import StepDefinition
from squidie_core.journal.commit import IndexRow
from squidie_core.journal.entries import Json
from squidie_core.ports.transactions import LentTransaction
from squidie_core.state import RunnableState, RunState

if TYPE_CHECKING:
    from squidie_core.runtime.store import RunStore


@record(frozen=True, slots=True)
class Completed:
    """The body returned; `result` is already under the step's output key."""

    result: Mapping[str, Json]


@record(frozen=True, slots=True)
class Failed:
    """The body failed. `retry_after` in milliseconds where the body said so."""

    error: Mapping[str, Json]
    retry_after: int | None = None


@record(frozen=True, slots=True)
class Deferred:
    """The body wants to go on in `after` milliseconds."""

    reason: Json
    after: int


@record(frozen=True, slots=True)
class Released:
    """The body was not run, or was told to stop because this worker goes away; `counts`: it was, and all is undone."""

    counts: bool = False


@record(frozen=True, slots=True)
class Settled:
    """The body is over and what follows is in the store already, by a transaction that it shares with the body.

    `state` is the run's after it, and nobody else's; `index` the row that was written with it.
    """

    outcome: Completed | Deferred
    state: RunState
    index: IndexRow


Outcome: TypeAlias = Completed | Failed | Deferred | Released | Settled


class OverdueError(Exception):
    """A coroutine was cancelled because its time was over. Seen by nobody outside the runtime."""


class Flag:
    """A flag that another thread raises, and that never falls."""

    __slots__ = ("_raised",)

    def __init__(self) -> None:
        self._raised = False

    def is_set(self) -> bool:
        """Whether it was raised."""
        return self._raised

    def set(self) -> None:
        """Raise it."""
        self._raised = True


class Unwanted:
    """Raised where the attempt is lost, and when its time is over."""

    __slots__ = ("_attempt",)

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt

    def is_set(self) -> bool:
        """Whether its outcome would be dropped."""
        attempt = self._attempt
        if attempt.lost.is_set():
            return True
        return attempt.over_at is None and attempt.overdue_at is not None and time.monotonic() >= attempt.overdue_at


@dataclass(slots=True)
class Attempt:
    """A claimed runnable. `lost`: the run was cancelled or the claim is gone, and the outcome will be dropped."""

    run_id: str
    workflow: str
    runnable: RunnableState
    claim_id: str
    step: StepDefinition
    body: Body | None
    """`None` for a log step."""
    store: RunStore
    """Where the run is, for bodies that start others."""
    is_async: bool = False
    """The body is a coroutine function."""
    is_transactional: bool = False
    """The body runs in a transaction, by the run's own definition or by today's code."""
    lost: Flag = field(default_factory=Flag)
    has_written: bool = False
    """Its body has written to the run: what is known of it elsewhere is behind."""
    timed: bool = False
    """Somebody wants to know how long the body runs."""
    ran: float = 0.0
    """How long the body ran, in seconds."""
    finished_at: int = 0
    """When its outcome was known, by the store's clock in milliseconds."""
    failure: Mapping[str, Json] | None = None
    """In a compensation: what the run failed with."""
    schedule: Mapping[str, Json] | None = None
    """What the run's activation by a scheduler was."""
    overdue_at: float | None = None
    """When its time is over, in monotonic seconds, where its step has a timeout."""
    over_at: float | None = None
    """When its body was over, in monotonic seconds; known of those that have a timeout."""
    transaction: LentTransaction | None = None
    """What the body's rows and the completion are written in, where the step says so."""
    outage: Exception | None = None
    """What ended its transaction before its time, whatever the body has made of that."""
    settling: bool = False
    """The transaction is being committed: that its claim ends is its own doing."""

    @property
    def key(self) -> str:
        """The runnable's key."""
        return self.runnable.key

    @property
    def undoes(self) -> bool:
        """Whether it undoes its step."""
        return self.runnable.kind == "compensation"

    @property
    def about(self) -> dict[str, Any]:
        """What log records and events say of it."""
        return {
            "run_id": self.run_id,
            "workflow": self.workflow,
            "step": self.step.name,
            "attempt": self.runnable.attempt,
        }
