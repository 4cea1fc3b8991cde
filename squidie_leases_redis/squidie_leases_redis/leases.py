"""The leases port in Redis."""

# ruff: noqa: D102  # what the methods do is said by the port's docstrings

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from squidie_core.errors import LeaseError
from squidie_core.journal.codec import to_json
from squidie_core.journal.values import decode, encode_mapping
from squidie_core.ports.leases import DeadLetter, Delivery
from squidie_leases_redis.addresses import understood
from squidie_leases_redis.options import RedisOptions, option_error
from squidie_leases_redis.scripts import PARTS, DeliveryScripts
from squidie_leases_redis.server import Server

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from squidie_leases_redis.addresses import Address
    from squidie_leases_redis.server import Script, Word

_LAST_PRIORITY = 9


class RedisLeases:
    """Deliveries in a Redis; as durable as that is set up to be.

    Time is the server's. A queue's keys have one hash tag, so each queue lives on one node of a cluster. Each method
    is one round trip. Implements `squidie_core.ports.LeaseBackend`. Safe to use from many threads, not across a fork.
    """

    def __init__(self, address: Address, options: RedisOptions, scripts: DeliveryScripts | None = None) -> None:
        self._options = options
        self._server = Server(address, options, "lease backend")
        self._scripts = scripts or DeliveryScripts()

    def __repr__(self) -> str:
        return f"<RedisLeases {self._server.address} namespace={self._options.namespace!r}>"

    def enqueue(
        self,
        queue: str,
        payload: Mapping[str, Any],
        *,
        delay: int = 0,
        priority: int = 5,
        delivery_id: str | None = None,
    ) -> str:
        if not 0 <= priority <= _LAST_PRIORITY:
            raise option_error("priority", f"must be an integer from 0 (first) to {_LAST_PRIORITY}")
        new_id = delivery_id or str(uuid4())
        text = to_json(encode_mapping(payload, "payload of a delivery"))
        self._run(self._scripts.enqueue, queue, new_id, text, delay, priority)
        return new_id

    def claim(self, queue: str, *, owner_id: str, lease_for: int, limit: int = 1) -> Sequence[Delivery]:
        if limit < 1:
            return []
        return [
            Delivery(
                id=delivery_id,
                queue=queue,
                payload=_payload(text),
                owner_id=owner_id,
                token=int(token),
                attempt=attempt,
                priority=priority,
                lease_until=lease_until,
            )
            for delivery_id, text, token, attempt, priority, lease_until in self._run(
                self._scripts.claim, queue, lease_for, limit
            )
        ]

    def extend(self, delivery: Delivery, *, lease_for: int) -> Delivery:
        return replace(delivery, lease_until=self._report(self._scripts.extend, delivery, lease_for))

    def complete(self, delivery: Delivery) -> None:
        self._report(self._scripts.complete, delivery)

    def fail(self, delivery: Delivery, *, reason: str, retry_in: int | None) -> None:
        if retry_in is None:
            self._report(self._scripts.give_up, delivery, reason)
        else:
            self._report(self._scripts.give_back, delivery, retry_in)

    def dead_letters(self, queue: str, *, limit: int = 100) -> Sequence[DeadLetter]:
        if limit < 1:
            return []
        return [
            DeadLetter(id=delivery_id, queue=queue, payload=_payload(text), attempts=attempts, reason=reason)
            for delivery_id, text, attempts, reason in self._run(self._scripts.letters, queue, limit)
        ]

    def redeliver(self, queue: str, delivery_id: str) -> bool:
        return bool(self._run(self._scripts.redeliver, queue, delivery_id))

    def discard(self, queue: str, delivery_id: str) -> bool:
        return bool(self._run(self._scripts.discard, queue, delivery_id))

    def close(self) -> None:
        self._server.close()

    def _report(self, script: Script, delivery: Delivery, *words: Word) -> int:
        answer: int = self._run(script, delivery.queue, delivery.id, delivery.token, *words)
        if not answer:
            raise LeaseError(
                f"delivery {delivery.id!r} is no longer leased to {delivery.owner_id!r}; drop what was done for it",
                details={"delivery_id": delivery.id, "queue": delivery.queue, "owner_id": delivery.owner_id},
            )
        return answer

    def _run(self, script: Script, queue: str, *words: Word) -> Any:
        home = f"{self._options.prefix}:{{{self._options.namespace}:{queue}}}"
        return self._server.run(script, [f"{home}:{part}" for part in PARTS], words, outcome="unknown")


def open_leases(url: str, **options: object) -> RedisLeases:
    """A lease backend at a `redis://`, `rediss://` or `redis+unix://` URL; options: see `RedisOptions`.

    Connects when it is used. Raises OptionError.
    """
    return RedisLeases(*understood(url, options, RedisOptions))


def _payload(text: str) -> Mapping[str, Any]:
    plain: dict[str, Any] = json.loads(text)
    return {key: decode(value) for key, value in plain.items()}
