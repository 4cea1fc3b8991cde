"""The leases port: a durable delivery queue for hosts that want one between their schedulers and their workers.

It carries payloads, never a run's truth: what a delivery asks for is decided by the run's journal, whatever this queue
lost or delivered twice. The ids in parentheses are the clauses of the adapters' contract, `docs/contract.md`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from squidie_core.dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A payload in the hands of one owner.

    `token` grows with every claim of this delivery and fences everything that the owner reports. `attempt` counts the
    claims, from 1. `lease_until` is in milliseconds since the epoch by the backend's clock.
    """

    id: str
    queue: str
    payload: Mapping[str, Any]
    owner_id: str
    token: int
    attempt: int
    priority: int
    lease_until: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A delivery that was given up, and why."""

    id: str
    queue: str
    payload: Mapping[str, Any]
    attempts: int
    reason: str


@runtime_checkable
class LeaseBackend(Protocol):
    """Durable deliveries with leases, called from any thread. The model is `squidie_core.memory.MemoryLeases` (L1).

    Every method raises Unavailable when the backend cannot be reached, without a credential in its text (L14).
    Durations are integer milliseconds.
    """

    def enqueue(
        self,
        queue: str,
        payload: Mapping[str, Any],
        *,
        delay: int = 0,
        priority: int = 5,
        delivery_id: str | None = None,
    ) -> str:
        """Add a payload (plain JSON), visible after `delay`; returns its id. `priority` is 0 (first) to 9.

        A known `delivery_id` adds nothing: one is known while its delivery waits, is claimed or is a dead letter (L10).
        Payloads come back as they were; what is not plain JSON raises EncodingError (L11). Queues never see each
        other's deliveries (L12). Nobody gets a delivery before its delay is over (L7).
        """
        ...

    def claim(self, queue: str, *, owner_id: str, lease_for: int, limit: int = 1) -> Sequence[Delivery]:
        """Take up to `limit` visible deliveries, lower priority first, then oldest, each for one owner (L2, L9).

        A delivery whose lease has run out is visible again (L3). Each claim's token is greater than those before (L4).
        """
        ...

    def extend(self, delivery: Delivery, *, lease_for: int) -> Delivery:
        """Hold the delivery for `lease_for` from now. Raises LeaseError when the lease is no longer this claim's.

        So do `complete` and `fail` (L5), however late they arrive (L6).
        """
        ...

    def complete(self, delivery: Delivery) -> None:
        """The delivery is done and gone. Raises LeaseError when the lease is no longer this claim's."""
        ...

    def fail(self, delivery: Delivery, *, reason: str, retry_in: int | None) -> None:
        """Give it back, visible after `retry_in` (L7); `None`: a dead letter (L8).

        Raises LeaseError as `complete` does.
        """
        ...

    def dead_letters(self, queue: str, *, limit: int = 100) -> Sequence[DeadLetter]:
        """What was given up, oldest first."""
        ...

    def redeliver(self, queue: str, delivery_id: str) -> bool:
        """Let a dead letter be delivered again, as if it had just been added. Whether there was one."""
        ...

    def discard(self, queue: str, delivery_id: str) -> bool:
        """Forget a dead letter. Whether there was one."""
        ...

    def close(self) -> None:
        """Give back connections. Calls after this raise Unavailable (L13)."""
        ...
