"""The leases port in memory."""

# ruff: noqa: D102  # what the methods do is said by the port's docstrings

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from typing import Any
from uuid import uuid4

from squidie_core.errors import LeaseError, Unavailable
from squidie_core.journal.codec import to_json
from squidie_core.journal.values import decode, encode_mapping
from squidie_core.memory.deliveries import DeliveryQueue, GivenUp, HeldDelivery
from squidie_core.memory.world import MemoryWorld, world_of
from squidie_core.ports.leases import DeadLetter, Delivery


class MemoryLeases:
    """Deliveries in this process's memory, for tests and for trying things out.

    Clients of one `world` share their queues; without one, the backend has a world of its own, whose time is
    `clock` (milliseconds since the epoch). Implements `squidie_core.ports.LeaseBackend`. Thread-safe.
    """

    def __init__(self, clock: Callable[[], int] | None = None, *, world: MemoryWorld | None = None) -> None:
        self._world = world_of(world, clock)
        self._closed = False

    def enqueue(
        self,
        queue: str,
        payload: Mapping[str, Any],
        *,
        delay: int = 0,
        priority: int = 5,
        delivery_id: str | None = None,
    ) -> str:
        new_id = delivery_id or str(uuid4())
        text = to_json(encode_mapping(payload, "payload of a delivery"))
        with self._opened(queue) as (deliveries, now):
            if new_id not in deliveries.held and new_id not in deliveries.given_up:
                deliveries.held[new_id] = HeldDelivery(text, priority, now + delay)
        return new_id

    def claim(self, queue: str, *, owner_id: str, lease_for: int, limit: int = 1) -> Sequence[Delivery]:
        with self._opened(queue) as (deliveries, now):
            visible = [(held.priority, key) for key, held in deliveries.held.items() if held.visible_at <= now]
            claimed: list[Delivery] = []
            for _, delivery_id in sorted(visible, key=lambda item: item[0])[:limit]:
                held = deliveries.held[delivery_id]
                held.token = token = next(self._world.tokens)
                held.attempt += 1
                held.visible_at = now + lease_for
                claimed.append(
                    Delivery(
                        id=delivery_id,
                        queue=queue,
                        payload=_payload(held.payload),
                        owner_id=owner_id,
                        token=token,
                        attempt=held.attempt,
                        priority=held.priority,
                        lease_until=held.visible_at,
                    )
                )
            return claimed

    def extend(self, delivery: Delivery, *, lease_for: int) -> Delivery:
        with self._opened(delivery.queue) as (deliveries, now):
            held = _claimed(deliveries, delivery, now)
            held.visible_at = now + lease_for
            return replace(delivery, lease_until=held.visible_at)

    def complete(self, delivery: Delivery) -> None:
        with self._opened(delivery.queue) as (deliveries, now):
            _claimed(deliveries, delivery, now)
            del deliveries.held[delivery.id]

    def fail(self, delivery: Delivery, *, reason: str, retry_in: int | None) -> None:
        with self._opened(delivery.queue) as (deliveries, now):
            held = _claimed(deliveries, delivery, now)
            if retry_in is None:
                del deliveries.held[delivery.id]
                deliveries.given_up[delivery.id] = GivenUp(held.payload, held.priority, held.attempt, reason)
            else:
                held.token = None
                held.visible_at = now + retry_in

    def dead_letters(self, queue: str, *, limit: int = 100) -> Sequence[DeadLetter]:
        with self._opened(queue) as (deliveries, _):
            return [
                DeadLetter(
                    id=delivery_id,
                    queue=queue,
                    payload=_payload(letter.payload),
                    attempts=letter.attempts,
                    reason=letter.reason,
                )
                for delivery_id, letter in islice(deliveries.given_up.items(), limit)
            ]

    def redeliver(self, queue: str, delivery_id: str) -> bool:
        with self._opened(queue) as (deliveries, now):
            letter = deliveries.given_up.pop(delivery_id, None)
            if letter is not None:
                deliveries.held[delivery_id] = HeldDelivery(letter.payload, letter.priority, now)
            return letter is not None

    def discard(self, queue: str, delivery_id: str) -> bool:
        with self._opened(queue) as (deliveries, _):
            return deliveries.given_up.pop(delivery_id, None) is not None

    def close(self) -> None:
        self._closed = True

    @contextmanager
    def _opened(self, queue: str) -> Generator[tuple[DeliveryQueue, int]]:
        with self._world.lock:
            if self._closed:
                raise Unavailable("this lease backend is closed; make another one")
            yield self._world.deliveries[queue], self._world.clock()


def _claimed(deliveries: DeliveryQueue, delivery: Delivery, now: int) -> HeldDelivery:
    """The delivery as it is held. Raises LeaseError where its lease has run out or is another claim's."""
    held = deliveries.held.get(delivery.id)
    if held is None or held.token != delivery.token or held.visible_at <= now:
        raise LeaseError(
            f"delivery {delivery.id!r} is no longer leased to {delivery.owner_id!r}; drop what was done for it",
            details={"delivery_id": delivery.id, "queue": delivery.queue, "owner_id": delivery.owner_id},
        )
    return held


def _payload(text: str) -> Mapping[str, Any]:
    plain: dict[str, Any] = json.loads(text)
    return {key: decode(value) for key, value in plain.items()}
