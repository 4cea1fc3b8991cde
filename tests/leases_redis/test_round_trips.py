"""What each operation costs at the wire."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import pytest

from squidie_core.ports.leases import Delivery
from squidie_leases_redis import RedisLeases
from tests.leases_redis.conftest import OpenLeases
from tests.leases_redis.wire import Relay, redis_client

Act = Callable[[], object]
Prepare = Callable[[RedisLeases], Act]


def many(leases: RedisLeases) -> None:
    assert len(leases.claim("q", owner_id="me", lease_for=60_000, limit=4)) == 4


def taken(report: Callable[[RedisLeases, Delivery], object]) -> Prepare:
    def prepare(leases: RedisLeases) -> Act:
        (one,) = leases.claim("q", owner_id="me", lease_for=60_000)
        return lambda: report(leases, one)

    return prepare


OPERATIONS: dict[str, Prepare] = {
    "enqueue": lambda leases: lambda: leases.enqueue("q", {"n": 1}),
    "claim": lambda leases: lambda: leases.claim("q", owner_id="me", lease_for=60_000),
    "claim of many": lambda leases: lambda: many(leases),
    "extend": taken(lambda leases, one: leases.extend(one, lease_for=60_000)),
    "complete": taken(lambda leases, one: leases.complete(one)),
    "fail": taken(lambda leases, one: leases.fail(one, reason="r", retry_in=0)),
    "give up": taken(lambda leases, one: leases.fail(one, reason="r", retry_in=None)),
    "dead letters": lambda leases: lambda: leases.dead_letters("q"),
    "redeliver": lambda leases: lambda: leases.redeliver("q", "x"),
    "discard": lambda leases: lambda: leases.discard("q", "x"),
}


@pytest.mark.parametrize("prepare", OPERATIONS.values(), ids=list(OPERATIONS))
def test_an_operation_is_one_round_trip(relay: Relay, leases: OpenLeases, prepare: Prepare) -> None:
    """And one more where the server does not know the script, the first time since it was started."""
    one = leases(relay.url)
    for number in range(10):
        one.enqueue("q", {"n": number})
    prepare(one)()
    act = prepare(one)
    with relay.round_trips() as sent:
        act()
    assert len(sent) == 1


def test_a_script_that_the_server_has_forgotten_is_sent_again(relay: Relay, leases: OpenLeases) -> None:
    one = leases(relay.url)
    one.enqueue("q", {"n": 1})
    with closing(redis_client(relay.url)) as client:
        client.script_flush()
    with relay.round_trips() as sent:
        one.enqueue("q", {"n": 2})
    assert [b"EVALSHA" in sent[0], b"EVAL\r\n" in sent[1], len(sent)] == [True, True, 2]
    with relay.round_trips() as sent:
        one.enqueue("q", {"n": 3})
    assert len(sent) == 1
    assert [delivery.payload["n"] for delivery in one.claim("q", owner_id="me", lease_for=1, limit=9)] == [1, 2, 3]
