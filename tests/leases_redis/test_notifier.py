"""Hints through Redis: who hears them, and what happens when connections are lost."""

from __future__ import annotations

import logging
import threading
from functools import partial
from queue import SimpleQueue

import pytest

from squidie_core.errors import OptionError, Unavailable
from squidie_core.plugins import open_plugin
from squidie_core.ports import Notifier
from squidie_leases_redis import RedisNotifier, open_notifier
from squidie_leases_redis.hints import decode_hints, encode_hints
from tests.leases_redis.conftest import OpenNotifier
from tests.leases_redis.wire import redis_client
from tests.runtime.waiting import PATIENCE, eventually
from tests.servers import Redis

SECRET = "s3cr3t"


def listening(notifier: RedisNotifier, queue: str = "a") -> SimpleQueue[int]:
    """Subscribe, and return what is heard once hints are known to arrive."""
    heard: SimpleQueue[int] = SimpleQueue()
    notifier.listen(queue, heard.put)
    eventually(lambda: notifier.working)
    return heard


def settle(*notifiers: RedisNotifier) -> None:
    """Return when every one of them has delivered the hints that the first sent before."""
    arrived = [threading.Event() for _ in notifiers]
    for notifier, event in zip(notifiers, arrived, strict=True):
        notifier.listen("settle", partial(_set, event))
    notifiers[0].notify({"settle": 1})
    assert all(event.wait(PATIENCE) for event in arrived)


def _set(event: threading.Event, _: int) -> None:
    event.set()


class TestAHint:
    def test_reaches_every_listener_of_its_queue_and_no_other(self, url: str, notifier: OpenNotifier) -> None:
        here, there = notifier(url), notifier(url)
        assert isinstance(here, Notifier)
        heard_here, heard_there = listening(here), listening(there)
        other = listening(there, "b")
        here.notify({"a": 3, "unheard": 1})
        assert (heard_here.get(timeout=PATIENCE), heard_there.get(timeout=PATIENCE)) == (3, 3)
        settle(here, there)
        assert other.empty()

    def test_stays_within_its_namespace_and_prefix(self, redis_url: str, home: str, notifier: OpenNotifier) -> None:
        homes = [(home, "p"), (f"{home}.x", "p"), (home, "q")]
        notifiers = [notifier(redis_url, namespace=namespace, prefix=prefix) for namespace, prefix in homes]
        heard = [listening(one) for one in notifiers]
        for count, one in enumerate(notifiers, 1):
            one.notify({"a": count})
        for one in notifiers:
            settle(one)
        assert [(queue.get(timeout=PATIENCE), queue.empty()) for queue in heard] == [(1, True), (2, True), (3, True)]

    def test_is_one_with_those_that_come_soon_after(self, url: str, notifier: OpenNotifier) -> None:
        one = notifier(url)
        heard = listening(one)
        for _ in range(1000):
            one.notify({"a": 2})
        counts: list[int] = []
        while sum(counts) < 2000:
            counts.append(heard.get(timeout=PATIENCE))
        assert sum(counts) == 2000
        assert len(counts) < 1000

    def test_that_was_given_before_the_end_is_sent(self, valkey_url: str, notifier: OpenNotifier) -> None:
        heard = listening(notifier(valkey_url))
        sender = notifier(valkey_url)
        sender.notify({"a": 5})
        sender.close()
        assert heard.get(timeout=PATIENCE) == 5

    def test_reaches_the_others_though_a_listener_raises(
        self, valkey_url: str, notifier: OpenNotifier, caplog: pytest.LogCaptureFixture
    ) -> None:
        one = notifier(valkey_url)

        def broken(_: int) -> None:
            raise RuntimeError("broken listener")

        one.listen("a", broken)
        heard = listening(one)
        with caplog.at_level(logging.ERROR, logger="squidie.notifier"):
            one.notify({"a": 1})
            assert heard.get(timeout=PATIENCE) == 1
        assert "broken listener" in caplog.text

    def test_of_a_stranger_is_not_taken_for_one(self, valkey_url: str, home: str, notifier: OpenNotifier) -> None:
        one = notifier(valkey_url)
        heard = listening(one)
        client = redis_client(valkey_url)
        for message in (b"", b"no json", b"[]", b'{"a": "1"}', b'{"a": true}', b"\xff\xfe", b"1"):
            assert client.publish(f"squidie:{home}:hints", message) == 1
        client.close()
        one.notify({"a": 4})
        assert heard.get(timeout=PATIENCE) == 4

    def test_may_name_any_queue(self) -> None:
        hints = {'"\n\u20ac\ud800': 7, "}": 1}
        assert decode_hints(encode_hints(hints)) == hints


class TestASubscription:
    def test_that_is_closed_hears_nothing_more(self, valkey_url: str, notifier: OpenNotifier) -> None:
        one = notifier(valkey_url)
        heard: list[int] = []
        subscription = one.listen("a", heard.append)
        subscription.close()
        subscription.close()
        listening(one)
        one.notify({"a": 1})
        settle(one)
        assert heard == []

    def test_may_be_closed_by_its_own_callback(self, valkey_url: str, notifier: OpenNotifier) -> None:
        one = notifier(valkey_url)
        heard: list[int] = []

        def once(count: int) -> None:
            heard.append(count)
            subscription.close()

        subscription = one.listen("a", once)
        others = listening(one)
        for count in (1, 2):
            one.notify({"a": count})
            assert others.get(timeout=PATIENCE) == count
        assert heard == [1]


class TestALostConnection:
    def test_is_replaced_and_whoever_listens_is_woken(self, server: Redis, notifier: OpenNotifier) -> None:
        one = notifier(server.url)
        heard = listening(one)
        client = redis_client(server.url)
        assert client.client_kill_filter(_type="pubsub") == 1
        client.close()
        assert heard.get(timeout=PATIENCE) == 1  # it is lost: look for yourself
        assert heard.get(timeout=PATIENCE) == 1  # it is back: something may have been missed
        eventually(lambda: one.working)
        one.notify({"a": 8})
        assert heard.get(timeout=PATIENCE) == 8

    def test_with_its_server_is_made_again_when_that_is_back(self, server: Redis, notifier: OpenNotifier) -> None:
        one = notifier(server.url)
        heard = listening(one)
        server.kill()
        assert heard.get(timeout=PATIENCE) == 1
        eventually(lambda: not one.working)
        one.notify({"a": 5})
        server.start()
        counts = {heard.get(timeout=PATIENCE)}
        eventually(lambda: one.working)
        one.notify({"a": 6})
        while 6 not in counts:
            counts.add(heard.get(timeout=PATIENCE))
        assert counts <= {1, 5, 6, 11}

    def test_to_a_server_that_hangs_is_found_out(self, server: Redis, notifier: OpenNotifier) -> None:
        """Nothing breaks and nothing comes: only the message to oneself tells."""
        one = notifier(server.url, probe_every=0.1, probe_timeout=0.3, timeout=0.5)
        heard = listening(one)
        server.freeze()
        eventually(lambda: not one.working)
        assert heard.get(timeout=PATIENCE) == 1
        server.thaw()
        eventually(lambda: one.working)
        one.notify({"a": 6})
        while heard.get(timeout=PATIENCE) != 6:
            pass


class TestWithoutAServer:
    @pytest.mark.parametrize("cluster", ["no", "yes"])
    def test_nothing_raises_or_waits_and_no_text_has_the_password(
        self, notifier: OpenNotifier, caplog: pytest.LogCaptureFixture, cluster: str
    ) -> None:
        one = notifier(f"redis://frodo:{SECRET}@127.0.0.1:1?cluster={cluster}")
        with caplog.at_level(logging.WARNING, logger="squidie.notifier"):
            one.listen("a", lambda _: None)
            one.notify({"a": 1})
            one.notify({})
            eventually(lambda: len(caplog.records) == 2)
        assert not one.working
        assert SECRET not in caplog.text + repr(one)
        one.close()

    def test_a_refused_login_is_told_once_without_the_password(
        self, redis_url: str, notifier: OpenNotifier, caplog: pytest.LogCaptureFixture
    ) -> None:
        del redis_url  # asked for so that a machine without a server skips
        guarded = Redis(password="right")
        try:
            one = notifier(f"redis://:{SECRET}@127.0.0.1:{guarded.port}")
            with caplog.at_level(logging.WARNING, logger="squidie.notifier"):
                one.listen("a", lambda _: None)
                eventually(lambda: caplog.records)
            assert "invalid" in caplog.text
            assert SECRET not in caplog.text
            one.close()
        finally:
            guarded.stop()


class TestClose:
    def test_ends_listening_and_connections(self, server: Redis, notifier: OpenNotifier) -> None:
        one = notifier(server.url)
        listening(one)
        client = redis_client(server.url)
        assert len(client.client_list()) == 3
        one.close()
        one.close()
        one.notify({"a": 1})
        eventually(lambda: len(client.client_list()) == 1)
        client.close()
        assert not one.working
        with pytest.raises(Unavailable, match="closed"):
            one.listen("a", lambda _: None)

    def test_is_prompt_without_a_server(self, notifier: OpenNotifier) -> None:
        one = notifier("redis://127.0.0.1:1")
        one.listen("a", lambda _: None)
        one.notify({"a": 1})
        one.close()
        eventually(lambda: not any(thread.name.startswith("squidie-notifier") for thread in threading.enumerate()))


class TestOpening:
    @pytest.mark.parametrize("scheme", ["redis", "rediss"])
    def test_is_found_by_the_scheme(self, scheme: str) -> None:
        found = open_plugin("notifier", f"{scheme}://shire", {"namespace": "n"})
        assert repr(found) == f"<RedisNotifier {scheme}://shire namespace='n'>"
        found.close()

    @pytest.mark.parametrize(
        ("options", "hint"),
        [
            ({"namespace": "other"}, "namespace: the URL and the call differ"),
            ({"probe_every": 0}, "probe_every: must be a duration"),
            ({"probe_timeout": "soon"}, "probe_timeout: must be a duration"),
        ],
    )
    def test_refuses_what_cannot_be_used(self, options: dict[str, object], hint: str) -> None:
        with pytest.raises(OptionError, match=hint):
            open_notifier(f"redis://frodo:{SECRET}@h?namespace=n", **options)
