"""Redis: one server for all worlds, each in a namespace of its own; the wire is in the cable before it."""

from __future__ import annotations

import atexit
import os
from functools import cache
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from squidie_contract import Harness, Wire
from squidie_contract.relay import Relay
from squidie_leases_redis import RedisLeases, RedisNotifier, open_leases, open_notifier
from tests.servers import MissingServerError, Redis

_PASSWORD = "fr13nd-sp34k"


class RedisHarness(Harness):
    """A Valkey, or the server that SQUIDIE_TEST_REDIS_URL names."""

    def __init__(self) -> None:
        self._server = urlsplit(redis_url())
        self._namespace = uuid4().hex
        self._relays: list[Relay] = []

    @property
    def secrets(self) -> tuple[str, ...]:
        return (self._server.password,) if self._server.password else ()

    def leases(self, wire: Wire) -> RedisLeases:
        return open_leases(self._through(wire))

    def notifier(self, wire: Wire) -> RedisNotifier:
        return open_notifier(self._through(wire))

    def _through(self, wire: Wire) -> str:
        relay = Relay(str(self._server.hostname), int(self._server.port or 6379), wire)
        self._relays.append(relay)
        login, at, _ = self._server.netloc.rpartition("@")
        netloc = f"{login}{at}{relay.address[0]}:{relay.address[1]}"
        return self._server._replace(netloc=netloc, query=f"namespace={self._namespace}").geturl()

    def close(self) -> None:
        for relay in self._relays:
            relay.close()


@cache
def redis_url() -> str:
    named = os.environ.get("SQUIDIE_TEST_REDIS_URL")
    if named:
        return named
    try:
        server = Redis(password=_PASSWORD)
    except MissingServerError as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(missing))
    atexit.register(server.stop)
    return server.url
