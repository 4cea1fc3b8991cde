"""What the notifier in memory adds to its port: every hint arrives once, and nothing stays behind."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from queue import SimpleQueue

import pytest

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


class TestASubscription:
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
