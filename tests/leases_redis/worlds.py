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
