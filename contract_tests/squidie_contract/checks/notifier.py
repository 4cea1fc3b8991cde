"""What a notifier promises: hints, which may be lost, doubled or late, and nothing that stands in anybody's way."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue

import pytest

from squidie_contract.checks.contract import Contract
from squidie_contract.engine.line import Line
from squidie_contract.engine.worlds import World, Worlds
from squidie_core.errors import Unavailable
from squidie_core.ports import Notifier

MANY = 7
"""A count that no notifier gives of itself: one that has reconnected says 1."""


def hear(world: World, sender: Notifier, heard: SimpleQueue[int], queue: str = "a") -> int:
    """What is heard when somebody goes on sending hints until one arrives."""
    end = time.monotonic() + world.patience / 1000
    while time.monotonic() < end:
        sender.notify({queue: MANY})
        try:
            while (count := heard.get(timeout=0.2)) < MANY:
                pass
        except Empty:
            continue
        return count
    raise AssertionError(f"no hint arrived in {world.patience} ms")


def listening(notifier: Notifier, queue: str = "a") -> SimpleQueue[int]:
    """Subscribe; what is heard."""
    heard: SimpleQueue[int] = SimpleQueue()
    notifier.listen(queue, heard.put)
    return heard


def drained(heard: SimpleQueue[int]) -> list[int]:
    """What was heard of others than the notifier itself."""
    counts: list[int] = []
    while not heard.empty():
        counts.append(heard.get())
    return [count for count in counts if count >= MANY]


def settle(world: World, sender: Notifier, listener: Notifier) -> None:
    """Return when a hint that was sent later than all others has arrived."""
    hear(world, sender, listening(listener, "settle"), "settle")


class NotifierClauses(Contract):
    """Hints: N1 to N6."""

    port = "notifier"

    @pytest.fixture
    def notifier(self, world: World) -> Notifier:
        """Give a client of the test's world."""
        return world.notifier()

    def test_n1_hints_reach_listeners_here_and_elsewhere(self, world: World) -> None:
        here, there = world.notifier(), world.notifier()
        assert isinstance(here, Notifier)
        heard_here, heard_there = listening(here), listening(there)
        assert hear(world, here, heard_here) >= MANY
        assert hear(world, here, heard_there) >= MANY

    def test_n1_hints_reach_no_listener_of_another_queue_or_world(self, worlds: Worlds) -> None:
        world = worlds.new()
        notifier, elsewhere = world.notifier(), worlds.new().notifier()
        other_queue, other_world = listening(notifier, "b"), listening(elsewhere)
        hear(world, notifier, listening(notifier))
        settle(world, notifier, notifier)
        settle(world, elsewhere, elsewhere)
        assert drained(other_queue) == drained(other_world) == []

    def test_n2_notifying_does_not_wait_for_a_listener(self, world: World, notifier: Notifier) -> None:
        entered, release, left = threading.Event(), threading.Event(), threading.Event()

        def slow(_: int) -> None:
            entered.set()
            release.wait(world.patience / 1000)
            left.set()

        notifier.listen("a", slow)
        _until(world, entered.is_set, lambda: notifier.notify({"a": MANY}))
        for _ in range(100):
            notifier.notify({"a": MANY})
            assert not left.is_set(), "notifying waited until the listener had returned"
        release.set()

    def test_n2_listeners_are_woken_from_another_thread(self, world: World, notifier: Notifier) -> None:
        callers: SimpleQueue[int] = SimpleQueue()
        notifier.listen("a", lambda _: callers.put(threading.get_ident()))
        _until(world, lambda: not callers.empty(), lambda: notifier.notify({"a": MANY}))
        assert callers.get() != threading.get_ident()

    def test_n2_notifying_nobody_is_nothing(self, notifier: Notifier) -> None:
        notifier.notify({"a": 1})
        notifier.notify({})

    def test_n3_a_listener_that_raises_takes_nothing_from_the_others(
        self, world: World, notifier: Notifier, caplog: pytest.LogCaptureFixture
    ) -> None:
        raised = threading.Event()

        def broken(_: int) -> None:
            raised.set()
            raise RuntimeError("broken listener")

        with caplog.at_level(logging.CRITICAL):
            notifier.listen("a", broken)
            heard = listening(notifier)
            _until(world, raised.is_set, lambda: notifier.notify({"a": MANY}))
            drained(heard)
            assert hear(world, notifier, heard) >= MANY

    def test_n4_a_closed_subscription_hears_nothing_more(self, world: World, notifier: Notifier) -> None:
        heard: SimpleQueue[int] = SimpleQueue()
        subscription = notifier.listen("a", heard.put)
        subscription.close()
        subscription.close()
        notifier.notify({"a": MANY})
        settle(world, notifier, notifier)
        assert drained(heard) == []

    def test_n4_a_subscription_may_be_closed_by_its_own_callback(self, world: World, notifier: Notifier) -> None:
        heard: SimpleQueue[int] = SimpleQueue()
        closed = threading.Event()

        def once(count: int) -> None:
            heard.put(count)
            subscription.close()
            closed.set()

        subscription = notifier.listen("a", once)
        _until(world, closed.is_set, lambda: notifier.notify({"a": MANY}))
        drained(heard)
        notifier.notify({"a": MANY})
        settle(world, notifier, notifier)
        assert drained(heard) == []

    def test_n5_after_close_listening_is_unavailable_and_notifying_nothing(self, world: World) -> None:
        notifier, other = world.notifier(), world.notifier()
        heard = listening(notifier)
        notifier.close()
        notifier.close()
        notifier.notify({"a": MANY})
        with pytest.raises(Unavailable):
            notifier.listen("a", heard.put)
        assert hear(world, other, listening(other)) >= MANY
        assert drained(heard) == []

    def test_n6_cut_off_it_is_silent_and_hints_arrive_again_when_it_is_back(self, world: World) -> None:
        line = Line()
        notifier, other = world.notifier(line), world.notifier()
        heard = listening(notifier)
        hear(world, other, heard)
        line.down = True
        for _ in range(3):
            notifier.notify({"a": MANY})
        line.heal()
        assert hear(world, other, heard) >= MANY
        assert hear(world, notifier, listening(other)) >= MANY


def _until(world: World, condition: Callable[[], bool], again: Callable[[], object]) -> None:
    """Do it again and again until the condition holds: a hint may be lost."""
    end = time.monotonic() + world.patience / 1000
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"it did not come to that in {world.patience} ms")
        again()
        time.sleep(0.01)
