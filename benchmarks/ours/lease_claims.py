"""Claims and completions of deliveries in Redis, ours and those of a bare client, in turns, from one thread."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from redis import Redis

from benchmarks.speaking import options, ready, say
from squidie_core.journal.codec import to_json
from squidie_leases_redis import open_leases
from squidie_leases_redis.scripts import PARTS, DeliveryScripts

LEASE = 60_000
SLICES = 10
PAYLOAD: dict[str, Any] = {"kind": "drain", "queue": "default", "limit": 200, "time_limit": 50.0}


def rate(count: int, act: Callable[[], object]) -> float:
    """How often a second."""
    began = time.perf_counter()
    for _ in range(count):
        act()
    return count / (time.perf_counter() - began)


def main() -> None:
    """Measure slices of each in turn, so that what else the machine does hits both."""
    given = options()
    leases = open_leases(given["url"], namespace=given["namespace"])
    client: Any = Redis.from_url(given["url"], decode_responses=True, protocol=2)  # pyright: ignore[reportUnknownMemberType]
    scripts = DeliveryScripts()
    keys = [f"squidie:{{{given['namespace']}:bare}}:{part}" for part in PARTS]
    text = to_json(PAYLOAD)

    def ours() -> None:
        (one,) = leases.claim("ours", owner_id="me", lease_for=LEASE)
        leases.complete(one)

    def bare() -> None:
        ((delivery_id, payload, token, *_),) = client.evalsha(scripts.claim.sha, len(keys), *keys, LEASE, 1)
        json.loads(payload)
        client.evalsha(scripts.complete.sha, len(keys), *keys, delivery_id, token)

    def ten() -> None:
        for one in leases.claim("ours", owner_id="me", lease_for=LEASE, limit=10):
            leases.complete(one)

    def fill(count: int) -> float:
        for number in range(count):
            client.evalsha(scripts.enqueue.sha, len(keys), *keys, f"{time.monotonic_ns()}-{number}", text, 0, 5)
        return rate(count, lambda: leases.enqueue("ours", PAYLOAD))

    leases.enqueue("ours", PAYLOAD)
    ours()
    fill(200)
    rate(200, ours)
    rate(200, bare)
    ready()
    each = max(given["deliveries"] // SLICES, 10)
    rates: dict[str, list[float]] = {"enqueued": [], "claims": [], "bare": [], "tens": []}
    for _ in range(SLICES):
        rates["enqueued"].append(fill(each))
        rates["claims"].append(rate(each, ours))
        rates["bare"].append(rate(each, bare))
        fill(each)
        rates["tens"].append(10 * rate(each // 10, ten))
        rate(each, bare)
    leases.close()
    client.close()
    say(**{name: SLICES / sum(1 / one for one in found) for name, found in rates.items()})


if __name__ == "__main__":
    main()
