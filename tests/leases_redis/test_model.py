"""Whatever is done to a queue, in whatever order, Redis and the adapter in memory say the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TypeVar
from uuid import uuid4

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,  # pyright: ignore[reportUnknownVariableType]  # hypothesis leaves it half typed
)

from squidie_core.errors import LeaseError
from squidie_core.memory import MemoryLeases, MemoryWorld
from squidie_core.ports import LeaseBackend
from squidie_core.ports.leases import Delivery
from tests.clocks import Clock
from tests.leases_redis.worlds import REDIS, ClockedRedisLeases

T = TypeVar("T")
QUEUES = st.sampled_from(["q", "q", "q", "other", "}{:odd\u20ac\ud800"])
IDS = st.sampled_from([None, "a", "b", "{c}", "d e", "\u00e9\ud801"])
TIMES = st.integers(0, 30)
PAYLOADS = st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=3), max_size=2)


def _said(act: Callable[[], T]) -> T | str:
    try:
        return act()
    except LeaseError as error:
        return error.code


def _report(leases: LeaseBackend, delivery: Delivery, how: str, retry_in: int) -> None:
    if how == "complete":
        leases.complete(delivery)
    else:
        leases.fail(delivery, reason="r\n\u20ac", retry_in=retry_in if how == "back" else None)


class Queues(RuleBasedStateMachine):
    """Clients of both; deliveries of both, in pairs, with the tokens that each gave."""

    url: str

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.memory = MemoryLeases(world=MemoryWorld(clock=self.clock))
        self.redis = ClockedRedisLeases(self.url, f"t-{uuid4().hex}", self.clock)
        self.taken: list[tuple[Delivery, Delivery]] = []
        self.last_token: dict[str, int] = {}

    @rule(queue=QUEUES, payload=PAYLOADS, delay=TIMES, priority=st.integers(0, 9), known=IDS)
    def enqueue(self, queue: str, payload: dict[str, object], delay: int, priority: int, known: str | None) -> None:
        delivery_id = known or str(uuid4())
        for one in (self.memory, self.redis):
            assert one.enqueue(queue, payload, delay=delay, priority=priority, delivery_id=delivery_id) == delivery_id

    @rule(queue=QUEUES, lease_for=st.integers(1, 30), limit=st.integers(0, 4))
    def claim(self, queue: str, lease_for: int, limit: int) -> None:
        ours = self.redis.claim(queue, owner_id="o", lease_for=lease_for, limit=limit)
        theirs = self.memory.claim(queue, owner_id="o", lease_for=lease_for, limit=limit)
        assert [replace(one, token=0) for one in ours] == [replace(one, token=0) for one in theirs]
        for one in ours:
            assert one.token > self.last_token.get(queue, 0)
            self.last_token[queue] = one.token
        self.taken += zip(theirs, ours, strict=True)

    @rule(data=st.data(), lease_for=st.integers(1, 30))
    def extend(self, data: st.DataObject, lease_for: int) -> None:
        if not self.taken:
            return
        number = data.draw(st.integers(0, len(self.taken) - 1))
        theirs, ours = self.taken[number]
        said = _said(lambda: self.memory.extend(theirs, lease_for=lease_for))
        again = _said(lambda: self.redis.extend(ours, lease_for=lease_for))
        if isinstance(said, Delivery):
            assert isinstance(again, Delivery)
            assert again == replace(ours, lease_until=said.lease_until)
            self.taken[number] = (said, again)
        else:
            assert again == said

    @rule(data=st.data(), how=st.sampled_from(["complete", "back", "up"]), retry_in=TIMES)
    def report(self, data: st.DataObject, how: str, retry_in: int) -> None:
        if not self.taken:
            return
        theirs, ours = data.draw(st.sampled_from(self.taken))
        said = _said(partial(_report, self.memory, theirs, how, retry_in))
        assert _said(partial(_report, self.redis, ours, how, retry_in)) == said

    @rule(queue=QUEUES, known=IDS)
    def redeliver(self, queue: str, known: str | None) -> None:
        assert self.memory.redeliver(queue, known or "x") == self.redis.redeliver(queue, known or "x")

    @rule(queue=QUEUES, known=IDS)
    def discard(self, queue: str, known: str | None) -> None:
        assert self.memory.discard(queue, known or "x") == self.redis.discard(queue, known or "x")

    @rule(by=TIMES)
    def wait(self, by: int) -> None:
        self.clock.now += by

    @invariant()
    def the_same_letters_are_dead(self) -> None:
        for queue in ("q", "other"):
            assert list(self.memory.dead_letters(queue)) == list(self.redis.dead_letters(queue))

    def teardown(self) -> None:
        self.redis.close()


@pytest.mark.parametrize("kind", list(REDIS))
def test_redis_is_as_the_model(request: pytest.FixtureRequest, kind: str) -> None:
    class AtServer(Queues):
        url: str = request.getfixturevalue(REDIS[kind])

    few = settings(max_examples=50, stateful_step_count=40, deadline=None)
    run_state_machine_as_test(AtServer, settings=few)
