"""Hosts' workers that take deliveries from Redis and perform them on a store of their own: the two leases apart."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

from squidie_core import Payload, Squidie
from tests.leases_redis.conftest import OpenLeases
from tests.leases_redis.flows import ALL, Chain, Trail
from tests.leases_redis.processes import Processes
from tests.runtime.stores import assert_consistent
from tests.runtime.waiting import eventually


def test_runs_end_though_a_worker_is_killed_with_its_delivery(
    migrated_url: str, valkey_url: str, leases: OpenLeases, processes: Processes, tmp_path: Path
) -> None:
    """Both of its leases lapse, each by itself: the delivery is made again, and the attempt is taken over."""
    store = f"{migrated_url}?namespace=t-{uuid4().hex}"
    queue = leases(valkey_url)
    trail = Trail(tmp_path / "trail")
    workers = [processes.start("deliver", store, valkey_url, tmp_path / "trail") for _ in range(2)]
    with Squidie(store, workflows=ALL, resources={Trail: trail}) as squidie:
        runs = [squidie.start(Chain.begin).id for _ in range(30)]
        for _ in range(4):
            queue.enqueue("q", Payload.drain(limit=15))
        eventually(trail.lines)
        workers[0].kill()

        def ended() -> bool:
            queue.enqueue("q", Payload.drain(), delivery_id="retries")  # known while it waits, so there is one at most
            return all(squidie.inspect_run(run).status == "completed" for run in runs)

        eventually(ended)
        for run in runs:
            assert_consistent(squidie, run)
    assert {line.split()[0] for line in trail.lines()} == set(runs)
    assert list(queue.dead_letters("q")) == []
    workers[1].go_on()
    workers[1].rest()
