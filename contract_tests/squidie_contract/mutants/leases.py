"""Lease backends that are broken."""

# what the methods should do is said by the port; what they do instead, by their mutant

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from squidie_contract.mutants.broken import Mutant
from squidie_contract.wire import Wire
from squidie_contract.wired import wired
from squidie_core.errors import LeaseError
from squidie_core.memory import MemoryLeases, MemoryWorld
from squidie_core.memory.deliveries import HeldDelivery
from squidie_core.ports.leases import DeadLetter, Delivery, LeaseBackend


class BrokenLeases(MemoryLeases):
    """Deliveries in memory; its own methods may go over the wire more than once."""

    wire: Wire

    def held(self, delivery: Delivery) -> HeldDelivery | None:
        """What the world holds."""
        return self._world.deliveries[delivery.queue].held.get(delivery.id)

    def is_mine(self, delivery: Delivery) -> bool:
        """Whether the lease is this claim's now."""
        held = self.held(delivery)
        return held is not None and held.token == delivery.token and held.visible_at > self._world.clock()


class LeaseMutant(Mutant):
    """A broken backend. `trips`: its methods go over the wire themselves; else each is one round trip."""

    Broken: ClassVar[type[BrokenLeases]]
    trips: ClassVar[bool] = False

    def __init__(self) -> None:
        self._now = 1_800_000_000_000
        self.world = MemoryWorld(clock=lambda: self._now)

    def leases(self, wire: Wire) -> LeaseBackend:
        made = self.Broken(world=self.world)
        made.wire = wire
        return made if self.trips else wired(made, wire)

    def now(self) -> float:
        return self._now

    def wait(self, milliseconds: float) -> None:
        self._now += max(1, round(milliseconds))


class ForgetsTheAttempts(LeaseMutant):
    """A delivery that is given back counts its claims from 1 again."""

    breaks = "L1"

    class Broken(BrokenLeases):
        def fail(self, delivery: Delivery, *, reason: str, retry_in: int | None) -> None:
            super().fail(delivery, reason=reason, retry_in=retry_in)
            if (held := self.held(delivery)) is not None:
                held.attempt = 0


class LooksThenClaims(LeaseMutant):
    """What is visible is one round trip, claiming it another."""

    breaks = "L2"
    trips = True

    class Broken(BrokenLeases):
        def claim(self, queue: str, *, owner_id: str, lease_for: int, limit: int = 1) -> Sequence[Delivery]:
            with self.wire("look"):
                seen = super().claim(queue, owner_id=owner_id, lease_for=lease_for, limit=limit)
                for one in seen:
                    self._world.deliveries[queue].held[one.id].visible_at = 0
            with self.wire("claim"):
                for one in seen:
                    self._world.deliveries[queue].held[one.id].visible_at = one.lease_until
            return seen


class HoldsForEver(LeaseMutant):
    """A lease does not run out."""

    breaks = "L3"

    class Broken(BrokenLeases):
        def claim(self, queue: str, *, owner_id: str, lease_for: int, limit: int = 1) -> Sequence[Delivery]:
            return super().claim(queue, owner_id=owner_id, lease_for=lease_for + 2**40, limit=limit)


class CountsDown(LeaseMutant):
    """Every claim has a smaller token."""

    breaks = "L4"

    class Broken(BrokenLeases):
        def claim(self, queue: str, *, owner_id: str, lease_for: int, limit: int = 1) -> Sequence[Delivery]:
            found = super().claim(queue, owner_id=owner_id, lease_for=lease_for, limit=limit)
            return [replace(one, token=-one.token) for one in found]

        def extend(self, delivery: Delivery, *, lease_for: int) -> Delivery:
            extended = super().extend(replace(delivery, token=-delivery.token), lease_for=lease_for)
            return replace(extended, token=-extended.token)

        def fail(self, delivery: Delivery, *, reason: str, retry_in: int | None) -> None:
            super().fail(replace(delivery, token=-delivery.token), reason=reason, retry_in=retry_in)


class TrustsTheId(LeaseMutant):
    """Whoever knows the delivery may complete it."""

    breaks = "L5"

    class Broken(BrokenLeases):
        def complete(self, delivery: Delivery) -> None:
            if self._world.deliveries[delivery.queue].held.pop(delivery.id, None) is None:
                raise LeaseError(f"there is no delivery {delivery.id!r}")


class LooksThenCompletes(LeaseMutant):
    """Whether the lease is held is one round trip, completing another."""

    breaks = "L6"
    trips = True

    class Broken(BrokenLeases):
        def claim(self, queue: str, *, owner_id: str, lease_for: int, limit: int = 1) -> Sequence[Delivery]:
            with self.wire("claim"):
                return super().claim(queue, owner_id=owner_id, lease_for=lease_for, limit=limit)

        def complete(self, delivery: Delivery) -> None:
            with self.wire("look"):
                if not self.is_mine(delivery):
                    raise LeaseError("the lease is no longer held")
            with self.wire("complete"):
                self._world.deliveries[delivery.queue].held.pop(delivery.id, None)


class KnowsNoDelay(LeaseMutant):
    """Everything is visible at once."""

    breaks = "L7"

    class Broken(BrokenLeases):
        def enqueue(
            self,
            queue: str,
            payload: Mapping[str, Any],
            *,
            delay: int = 0,  # noqa: ARG002  # what is wrong
            priority: int = 5,
            delivery_id: str | None = None,
        ) -> str:
            return super().enqueue(queue, payload, priority=priority, delivery_id=delivery_id)


class ListsTheLatest(LeaseMutant):
    """Dead letters are listed the wrong way round."""

    breaks = "L8"

    class Broken(BrokenLeases):
        def dead_letters(self, queue: str, *, limit: int = 100) -> Sequence[DeadLetter]:
            return super().dead_letters(queue, limit=10_000)[::-1][:limit]


class DeliversTheOldest(LeaseMutant):
    """The oldest comes first, whatever its priority."""

    breaks = "L9"

    class Broken(BrokenLeases):
        def enqueue(
            self,
            queue: str,
            payload: Mapping[str, Any],
            *,
            delay: int = 0,
            priority: int = 5,  # noqa: ARG002  # what is wrong
            delivery_id: str | None = None,
        ) -> str:
            return super().enqueue(queue, payload, delay=delay, delivery_id=delivery_id)


class TakesTheLatest(LeaseMutant):
    """A known id gets the new payload."""

    breaks = "L10"

    class Broken(BrokenLeases):
        def enqueue(
            self,
            queue: str,
            payload: Mapping[str, Any],
            *,
            delay: int = 0,
            priority: int = 5,
            delivery_id: str | None = None,
        ) -> str:
            if delivery_id is not None:
                self._world.deliveries[queue].held.pop(delivery_id, None)
            return super().enqueue(queue, payload, delay=delay, priority=priority, delivery_id=delivery_id)


class DropsNothings(LeaseMutant):
    """What is null in a payload is not there when it comes back."""

    breaks = "L11"

    class Broken(BrokenLeases):
        def enqueue(
            self,
            queue: str,
            payload: Mapping[str, Any],
            *,
            delay: int = 0,
            priority: int = 5,
            delivery_id: str | None = None,
        ) -> str:
            kept = {key: value for key, value in payload.items() if value is not None}
            return super().enqueue(queue, kept, delay=delay, priority=priority, delivery_id=delivery_id)


class HasOneQueue(LeaseMutant):
    """All queues are one."""

    breaks = "L12"

    class Broken(BrokenLeases):
        def enqueue(
            self,
            queue: str,  # noqa: ARG002  # what is wrong
            payload: Mapping[str, Any],
            *,
            delay: int = 0,
            priority: int = 5,
            delivery_id: str | None = None,
        ) -> str:
            return super().enqueue("all", payload, delay=delay, priority=priority, delivery_id=delivery_id)

        def claim(self, queue: str, *, owner_id: str, lease_for: int, limit: int = 1) -> Sequence[Delivery]:  # noqa: ARG002
            return super().claim("all", owner_id=owner_id, lease_for=lease_for, limit=limit)


class DeliversWhenClosed(LeaseMutant):
    """It answers after it was closed."""

    breaks = "L13"

    class Broken(BrokenLeases):
        def close(self) -> None:
            pass


class RaisesAsItsDriver(LeaseMutant):
    """What the connection raises reaches the caller."""

    breaks = "L14"
    trips = True

    class Broken(BrokenLeases):
        def claim(self, queue: str, *, owner_id: str, lease_for: int, limit: int = 1) -> Sequence[Delivery]:
            with self.wire("claim"):
                return super().claim(queue, owner_id=owner_id, lease_for=lease_for, limit=limit)
