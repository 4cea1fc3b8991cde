"""The leases port: a durable delivery queue for hosts that want one between their schedulers and their workers.

It carries payloads, never a run's truth: what a delivery asks for is decided by the run's journal, whatever this queue
lost or delivered twice.
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
    """Durable deliveries with leases, called from any thread.

    Every method raises Unavailable when the backend cannot be reached. Durations are integer milliseconds.
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

        A known `delivery_id` adds nothing: one is known while its delivery waits, is claimed or is a dead letter.
        """
        ...

    def claim(self, queue: str, *, owner_id: str, lease_for: int, limit: int = 1) -> Sequence[Delivery]:
        """Take up to `limit` visible deliveries, lower priority first, then oldest, each for one owner at a time.

        A delivery whose lease has run out is visible again.
        """
        ...

    def extend(self, delivery: Delivery, *, lease_for: int) -> Delivery:
        """Hold the delivery for `lease_for` from now. Raises LeaseError when the lease is no longer this claim's."""
        ...

    def complete(self, delivery: Delivery) -> None:
        """The delivery is done and gone. Raises LeaseError when the lease is no longer this claim's."""
        ...

    def fail(self, delivery: Delivery, *, reason: str, retry_in: int | None) -> None:
        """Give it back, visible after `retry_in`; `None`: a dead letter. Raises LeaseError as `complete` does."""
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
        """Give back connections."""
        ...
