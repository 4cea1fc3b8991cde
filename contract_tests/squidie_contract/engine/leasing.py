"""Claims, and leases that run out."""

from __future__ import annotations

from squidie_contract.engine.worlds import World
from squidie_core.ports import LeaseBackend
from squidie_core.ports.leases import Delivery

HOUR = 3_600_000
MOMENT = 40
"""Milliseconds: long enough to do something within, short enough to wait for."""
NOT_BEFORE = MOMENT - 1
"""Milliseconds in which it cannot be over, even where times are cut to whole ones."""


def claim(leases: LeaseBackend, queue: str = "q", *, owner_id: str = "me", lease_for: int = HOUR) -> Delivery:
    """The one delivery that is visible."""
    (delivery,) = leases.claim(queue, owner_id=owner_id, lease_for=lease_for)
    return delivery


def claimed_ids(leases: LeaseBackend, queue: str = "q", *, limit: int = 100) -> list[str]:
    """Claim what is visible."""
    return [one.id for one in leases.claim(queue, owner_id="me", lease_for=HOUR, limit=limit)]


def eventually_claim(world: World, leases: LeaseBackend, queue: str = "q", *, lease_for: int = HOUR) -> Delivery:
    """The first delivery that becomes visible."""
    end = world.harness.now() + world.patience
    while world.harness.now() < end:
        for delivery in leases.claim(queue, owner_id="you", lease_for=lease_for):
            return delivery
        world.harness.wait(2)
    raise AssertionError(f"nothing became visible in {world.patience} ms")


def lapse(world: World) -> None:
    """Wait until a lease of a moment, taken before, has run out by any clock that runs as fast as this one."""
    world.harness.wait(2 * MOMENT)
