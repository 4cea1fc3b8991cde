"""What the in-memory leases hold."""

from __future__ import annotations

from dataclasses import field

from squidie_core.dataclass import dataclass, record


@dataclass(slots=True)
class HeldDelivery:
    """A delivery in its queue. While a claim has it, `token` is the claim's and `visible_at` its lease's end."""

    payload: str
    priority: int
    visible_at: int
    token: int | None = None
    attempt: int = 0


@record(frozen=True, slots=True)
class GivenUp:
    """A delivery that nobody gets any more."""

    payload: str
    priority: int
    attempts: int
    reason: str


@dataclass(slots=True)
class DeliveryQueue:
    """What is to be delivered and what was given up, by delivery id, oldest first. Guarded by the world's lock."""

    held: dict[str, HeldDelivery] = field(default_factory=dict[str, HeldDelivery])
    given_up: dict[str, GivenUp] = field(default_factory=dict[str, GivenUp])
