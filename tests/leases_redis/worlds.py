"""Backends as the tests of leases see them: where clients come from; time passes only when a test says so."""

from __future__ import annotations

from typing import Any

from squidie_leases_redis import RedisLeases, RedisOptions
from squidie_leases_redis.addresses import understood
from squidie_leases_redis.scripts import DeliveryScripts
from squidie_leases_redis.server import Script, Word
from tests.clocks import Clock

REDIS = {"valkey": "redis_url", "redis 6.2": "redis_6_url", "cluster": "redis_cluster_url"}
"""The servers by name, and the fixture with the URL of each."""


class ClockedRedisLeases(RedisLeases):
    """Deliveries in a Redis whose scripts are told the time with each call."""

    def __init__(self, url: str, namespace: str, clock: Clock) -> None:
        address, options = understood(url, {"namespace": namespace}, RedisOptions)
        super().__init__(address, options, DeliveryScripts(clock="local now = tonumber(ARGV[#ARGV])"))
        self._clock = clock

    def _run(self, script: Script, queue: str, *words: Word) -> Any:
        return super()._run(script, queue, *words, self._clock.now)


class LeaseWorld:
    """One backend of the test's own. Clients are closed when it is."""

    def __init__(self, connect: Callable[[], LeaseBackend]) -> None:
        self._connect = connect
        self._clients: list[LeaseBackend] = []

    def open(self) -> LeaseBackend:
        """A new client."""
        client = self._connect()
        self._clients.append(client)
        return client

    def close(self) -> None:
        for client in self._clients:
            client.close()


def lease_world(request: pytest.FixtureRequest, clock: Clock) -> LeaseWorld:
    """The backend that the fixture's parameter names."""
    if request.param == "memory":
        memory = MemoryWorld(clock=clock)
        return LeaseWorld(lambda: MemoryLeases(world=memory))
    url: str = request.getfixturevalue(REDIS[request.param])
    namespace = f"t-{uuid4().hex}"
    return LeaseWorld(lambda: ClockedRedisLeases(url, namespace, clock))
