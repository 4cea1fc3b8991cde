"""What the notifier port promises, for the adapter in memory."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from queue import SimpleQueue

import pytest

from squidie_core.errors import Unavailable
from squidie_core.memory import MemoryNotifier, MemoryWorld
from squidie_core.ports import Notifier


@pytest.fixture
def memory() -> MemoryWorld:
    return MemoryWorld()


@pytest.fixture
def notifier(memory: MemoryWorld) -> Iterator[Notifier]:
    made = MemoryNotifier(world=memory)
    yield made
    made.close()


def settled(notifier: Notifier) -> None:
    """Return when this notifier has delivered all hints that came before."""
    arrived = threading.Event()
    subscription = notifier.listen("settle", lambda _: arrived.set())
    notifier.notify({"settle": 1})
    arrived.wait()
    subscription.close()


class TestAHint:
    def test_reaches_every_listener_of_its_queue_and_no_other(self, notifier: Notifier, memory: MemoryWorld) -> None:
        heard: SimpleQueue[tuple[str, int]] = SimpleQueue()
        remote = MemoryNotifier(world=memory)
        notifier.listen("a", lambda count: heard.put(("a here", count)))
        notifier.listen("b", lambda count: heard.put(("b here", count)))
        remote.listen("a", lambda count: heard.put(("a there", count)))
        remote.notify({"a": 3, "unheard": 1})
        assert {heard.get(), heard.get()} == {("a here", 3), ("a there", 3)}
        settled(notifier)
        settled(remote)
        remote.close()
        assert heard.empty()

    def test_comes_from_a_thread_of_the_notifiers(self, notifier: Notifier) -> None:
        callers: SimpleQueue[int] = SimpleQueue()
        notifier.listen("a", lambda _: callers.put(threading.get_ident()))
        notifier.notify({"a": 1})
        assert callers.get() != threading.get_ident()

    def test_does_not_wait_for_a_listener(self, notifier: Notifier) -> None:
        release, done = threading.Event(), threading.Event()

        def slow(_: int) -> None:
            release.wait()
            done.set()

        notifier.listen("a", slow)
        for _ in range(100):
            notifier.notify({"a": 1})
        assert not done.is_set()
        release.set()
        done.wait()

    def test_reaches_the_others_though_one_raises(self, notifier: Notifier, caplog: pytest.LogCaptureFixture) -> None:
        heard: SimpleQueue[int] = SimpleQueue()

        def broken(_: int) -> None:
            raise RuntimeError("broken listener")

        notifier.listen("a", broken)
        notifier.listen("a", heard.put)
        with caplog.at_level(logging.ERROR, logger="squidie.notifier"):
            notifier.notify({"a": 1})
            notifier.notify({"a": 2})
            assert [heard.get(), heard.get()] == [1, 2]
            settled(notifier)
        assert len(caplog.records) == 2

    def test_without_listeners_is_nothing(self, notifier: Notifier) -> None:
        notifier.notify({"a": 1})
        notifier.notify({})


class TestASubscription:
    def test_that_is_closed_hears_nothing_more(self, notifier: Notifier) -> None:
        heard: list[int] = []
        subscription = notifier.listen("a", heard.append)
        subscription.close()
        subscription.close()
        notifier.notify({"a": 1})
        settled(notifier)
        assert heard == []

    def test_does_not_hear_what_was_still_on_its_way_when_it_was_closed(self, notifier: Notifier) -> None:
        busy, release = threading.Event(), threading.Event()
        heard: list[int] = []

        def block(_: int) -> None:
            busy.set()
            release.wait()

        notifier.listen("first", block)
        subscription = notifier.listen("a", heard.append)
        notifier.notify({"first": 1})
        busy.wait()
        notifier.notify({"a": 1})
        subscription.close()
        release.set()
        settled(notifier)
        assert heard == []

    def test_may_be_closed_by_its_own_callback(self, notifier: Notifier) -> None:
        heard: list[int] = []

        def once(count: int) -> None:
            heard.append(count)
            subscription.close()

        subscription = notifier.listen("a", once)
        notifier.notify({"a": 1})
        notifier.notify({"a": 2})
        settled(notifier)
        assert heard == [1]


class TestClose:
    def test_ends_this_notifiers_subscriptions_and_no_others(self, memory: MemoryWorld) -> None:
        notifier, other = MemoryNotifier(world=memory), MemoryNotifier(world=memory)
        heard: list[str] = []
        notifier.listen("a", lambda _: heard.append("closed"))
        other.listen("a", lambda _: heard.append("open"))
        notifier.close()
        notifier.close()
        other.notify({"a": 1})
        settled(other)
        assert heard == ["open"]
        other.close()
        assert memory.listeners == set()

    def test_ends_the_thread(self, memory: MemoryWorld) -> None:
        notifier = MemoryNotifier(world=memory)
        threads: SimpleQueue[threading.Thread] = SimpleQueue()
        notifier.listen("a", lambda _: threads.put(threading.current_thread()))
        notifier.notify({"a": 1})
        thread = threads.get()
        notifier.close()
        thread.join()

    def test_makes_listening_unavailable_and_notifying_nothing(self, memory: MemoryWorld) -> None:
        notifier = MemoryNotifier(world=memory)
        notifier.close()
        notifier.notify({"a": 1})
        with pytest.raises(Unavailable):
            notifier.listen("a", lambda _: None)
