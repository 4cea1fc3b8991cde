"""The instrumentation port: what a host, or a package for OpenTelemetry, is told about the work while it is done.

Events are frozen values of plain texts and numbers, so they may be kept and handed to other threads. Durations are in
seconds. None holds a payload, an output or the message of a failure.
"""

from __future__ import annotations

from typing import Literal, Protocol, TypeAlias, runtime_checkable

from squidie_core.dataclass import dataclass

WithoutEffect: TypeAlias = Literal["conflict", "busy", "refused"]
"""Why an append had no effect: somebody else was faster, or holds the run locked, or the store never takes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunBegun:
    """A new run is in the store. Told by the thread that called `start`."""

    run_id: str
    workflow: str
    queue: str
    trigger: str
    priority: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnded:
    """A run is over. Told by the worker's loop, or by the thread that cancelled or decided it.

    `seconds` from its start, however often its workers died meanwhile.
    """

    run_id: str
    workflow: str
    queue: str
    status: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptTaken:
    """A claim is in the store, and the attempt's body runs next.

    `waited`: how long the attempt was visible before. `delivery` is above 1 where an earlier claim lapsed.
    """

    run_id: str
    workflow: str
    step: str
    attempt: int
    runnable_key: str
    delivery: int
    waited: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptEnded:
    """The outcome of an attempt is in the store. One that was dropped is told as ClaimLost alone.

    `held`: from the claim to the commit of the outcome. `ran`: the body alone, 0.0 where none ran. `error`: the
    failure's code; `retried`: whether the failed attempt will be tried again.
    """

    run_id: str
    workflow: str
    step: str
    attempt: int
    runnable_key: str
    outcome: Literal["completed", "failed", "deferred", "released"]
    held: float
    ran: float
    error: str | None = None
    retried: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimLost:
    """The run was cancelled, or another worker took the attempt over: what the body still gives will be dropped."""

    run_id: str
    workflow: str
    step: str
    attempt: int
    runnable_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupWritten:
    """The store answered a call that brought `appends` runs' appends; `refused` of them did not take effect."""

    appends: int
    refused: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteRepeated:
    """An append had no effect; unless the store refuses it for good, it is decided anew or tried again."""

    run_id: str
    reason: WithoutEffect


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePolled:
    """The store was asked what is due in a queue, and gave `found` runs."""

    queue: str
    found: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFailed:
    """The store did not answer a worker, which tries again, or `execute_next`, which raises. Without credentials."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunQuarantined:
    """A run whose journal cannot be read was taken out of its queue."""

    run_id: str
    reason: str


Event: TypeAlias = (
    RunBegun
    | RunEnded
    | AttemptTaken
    | AttemptEnded
    | ClaimLost
    | GroupWritten
    | WriteRepeated
    | QueuePolled
    | StoreFailed
    | RunQuarantined
)


@runtime_checkable
class Instrumentation(Protocol):
    """Is told what happens; passed as `Squidie(..., instrumentation=...)`."""

    def on_event(self, event: Event) -> None:
        """Take note of an event, and return soon: the thread that tells it does nothing else meanwhile.

        Called from the threads that do the work, from several at once, and never while one of Squidie's locks is held:
        a worker's loop (the thread that called `Worker.run`), or the thread that called `execute_next`, `start` or
        another command; never from a body's thread of a worker. Ignore events of types that you do not know: there
        will be more. What it raises is logged once and otherwise ignored.
        """
        ...
