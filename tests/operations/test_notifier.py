"""Hints through PostgreSQL: who hears them, and what happens when connections are lost."""

from __future__ import annotations

import logging
import threading
from functools import partial
from queue import SimpleQueue
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from squidie_core.errors import OptionError, Unavailable
from squidie_core.ports import Notifier
from squidie_storage_sql import PostgresqlNotifier, open_notifier
from squidie_storage_sql.postgresql.channels import channel, decode_hint, encode_hint
from tests.operations.conftest import OpenNotifier
from tests.runtime.waiting import PATIENCE, eventually
from tests.servers import Postgres

SECRET = "s3cr3t"
NO_SERVER = f"postgresql://frodo:{SECRET}@127.0.0.1:1/db"


def listening(notifier: PostgresqlNotifier, queue: str = "a") -> SimpleQueue[int]:
    """Subscribe, and return what is heard once hints are known to arrive."""
    heard: SimpleQueue[int] = SimpleQueue()
    notifier.listen(queue, heard.put)
    eventually(lambda: notifier.working)
    return heard


def settle(*notifiers: PostgresqlNotifier) -> None:
    """Return when every one of them has delivered the hints that the first sent before."""
    arrived = [threading.Event() for _ in notifiers]
    for notifier, event in zip(notifiers, arrived, strict=True):
        notifier.listen("settle", partial(_set, event))
    notifiers[0].notify({"settle": 1})
    assert all(event.wait(PATIENCE) for event in arrived)


def _set(event: threading.Event, _: int) -> None:
    event.set()


def connections(url: str, *, but: frozenset[int] = frozenset()) -> frozenset[int]:
    """The server's processes for connections that carry this URL's name."""
    (name,) = parse_qs(urlsplit(url).query)["application_name"]
    with psycopg.connect(urlsplit(url)._replace(query="").geturl()) as connection:
        rows = connection.execute("select pid from pg_stat_activity where application_name = %s", (name,)).fetchall()
    return frozenset(pid for (pid,) in rows) - but


def end_connections(url: str) -> frozenset[int]:
    """End them as an administrator would; which they were."""
    ended = connections(url)
    with psycopg.connect(urlsplit(url)._replace(query="").geturl()) as connection:
        for pid in ended:
            connection.execute("select pg_terminate_backend(%s)", (pid,))
    return ended


class TestAHint:
    def test_reaches_every_listener_of_its_queue_and_no_other(self, store_url: str, notifier: OpenNotifier) -> None:
        here, there = notifier(store_url), notifier(store_url)
        assert isinstance(here, Notifier)
        heard_here, heard_there = listening(here), listening(there)
        other = listening(there, "b")
        here.notify({"a": 3, "unheard": 1})
        assert (heard_here.get(timeout=PATIENCE), heard_there.get(timeout=PATIENCE)) == (3, 3)
        settle(here, there)
        assert other.empty()

    def test_stays_within_its_namespace_and_schema(self, store_url: str, notifier: OpenNotifier) -> None:
        bare = store_url.partition("?")[0]
        homes = [("one", None), ("two", None), ("one", "flows")]
        notifiers = [notifier(bare, namespace=namespace, schema=schema) for namespace, schema in homes]
        heard = [listening(one) for one in notifiers]
        for count, one in enumerate(notifiers, 1):
            one.notify({"a": count})
        for one in notifiers:
            settle(one)
        assert [(queue.get(timeout=PATIENCE), queue.empty()) for queue in heard] == [(1, True), (2, True), (3, True)]

    def test_is_one_with_those_that_come_soon_after(self, store_url: str, notifier: OpenNotifier) -> None:
        one = notifier(store_url)
        heard = listening(one)
        for _ in range(1000):
            one.notify({"a": 2})
        counts: list[int] = []
        while sum(counts) < 2000:
            counts.append(heard.get(timeout=PATIENCE))
        assert sum(counts) == 2000
        assert len(counts) < 1000

    def test_that_was_given_before_the_end_is_sent(self, store_url: str, notifier: OpenNotifier) -> None:
        heard = listening(notifier(store_url))
        sender = notifier(store_url)
        sender.notify({"a": 5})
        sender.close()
        assert heard.get(timeout=PATIENCE) == 5

    def test_reaches_the_others_though_a_listener_raises(
        self, store_url: str, notifier: OpenNotifier, caplog: pytest.LogCaptureFixture
    ) -> None:
        one = notifier(store_url)

        def broken(_: int) -> None:
            raise RuntimeError("broken listener")

        one.listen("a", broken)
        heard = listening(one)
        with caplog.at_level(logging.ERROR, logger="squidie.notifier"):
            one.notify({"a": 1})
            assert heard.get(timeout=PATIENCE) == 1
        assert "broken listener" in caplog.text

    def test_of_a_stranger_is_not_taken_for_one(self, store_url: str, notifier: OpenNotifier) -> None:
        one = notifier(store_url)
        heard = listening(one)
        (namespace,) = parse_qs(urlsplit(store_url).query)["namespace"]
        with psycopg.connect(store_url.partition("?")[0]) as connection:
            for payload in ("", "no json", "[]", '{"queue": "a"}', '{"queue": "a", "count": "1"}', '{"queue": "\x01"}'):
                connection.execute("select pg_notify(%s, %s)", (channel(None, namespace), payload))
        one.notify({"a": 4})
        assert heard.get(timeout=PATIENCE) == 4

    def test_may_name_any_queue(self) -> None:
        assert decode_hint(encode_hint('"\n\u20ac\ud800', 7) or "") == ('"\n\u20ac\ud800', 7)
        assert encode_hint("q" * 8000, 1) is None


class TestASubscription:
    def test_that_is_closed_hears_nothing_more(self, store_url: str, notifier: OpenNotifier) -> None:
        one = notifier(store_url)
        heard: list[int] = []
        subscription = one.listen("a", heard.append)
        subscription.close()
        subscription.close()
        listening(one)
        one.notify({"a": 1})
        settle(one)
        assert heard == []

    def test_may_be_closed_by_its_own_callback(self, store_url: str, notifier: OpenNotifier) -> None:
        one = notifier(store_url)
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
    def test_is_replaced_and_whoever_listens_is_woken(self, store_url: str, notifier: OpenNotifier) -> None:
        one, other = notifier(store_url), notifier(store_url.partition("&")[0])
        heard = listening(one)
        ended = end_connections(store_url)
        assert ended
        assert heard.get(timeout=PATIENCE) == 1  # it is lost: look for yourself
        assert heard.get(timeout=PATIENCE) == 1  # it is back: something may have been missed
        eventually(lambda: one.working)
        assert connections(store_url).isdisjoint(ended)
        other.notify({"a": 7})
        assert heard.get(timeout=PATIENCE) == 7
        one.notify({"a": 8})
        assert heard.get(timeout=PATIENCE) == 8

    def test_with_its_server_is_made_again_when_that_is_back(self, server: Postgres, notifier: OpenNotifier) -> None:
        one = notifier(server.url)
        heard = listening(one)
        server.kill()
        assert heard.get(timeout=PATIENCE) == 1
        assert not one.working
        one.notify({"a": 5})
        server.start()
        counts = {heard.get(timeout=PATIENCE)}
        eventually(lambda: one.working)
        one.notify({"a": 6})
        while 6 not in counts:
            counts.add(heard.get(timeout=PATIENCE))
        assert counts <= {1, 5, 6}


class TestWithoutAServer:
    def test_nothing_raises_or_waits_and_no_text_has_the_password(
        self, notifier: OpenNotifier, caplog: pytest.LogCaptureFixture
    ) -> None:
        one = notifier(f"{NO_SERVER}?sslpassword={SECRET}x")
        with caplog.at_level(logging.WARNING, logger="squidie.notifier"):
            one.listen("a", lambda _: None)
            one.notify({"a": 1})
            one.notify({})
            eventually(lambda: len(caplog.records) == 2)
        assert not one.working
        assert SECRET not in caplog.text + repr(one)
        one.close()


class TestClose:
    def test_ends_listening_and_connections(self, store_url: str, notifier: OpenNotifier) -> None:
        one = notifier(store_url)
        listening(one)
        one.close()
        one.close()
        one.notify({"a": 1})
        eventually(lambda: not connections(store_url))
        assert not one.working
        with pytest.raises(Unavailable, match="closed"):
            one.listen("a", lambda _: None)


class TestOptions:
    def test_may_be_those_of_the_storage(self) -> None:
        one = open_notifier("postgresql://h/d?namespace=n&pool_size=3&create=yes", namespace="n", lock_timeout=3)
        assert repr(one) == "<PostgresqlNotifier postgresql+psycopg://h/d namespace='n'>"
        one.close()

    @pytest.mark.parametrize(
        ("options", "hint"),
        [
            ({"namespace": "other"}, "namespace: the URL and the call differ"),
            ({"namspace": "x"}, "did you mean namespace?"),
            ({"probe_every": 0}, "probe_every: must be a duration"),
            ({"probe_timeout": "soon"}, "probe_timeout: must be a duration"),
            ({"schema": "a-b"}, "schema: must be the name"),
        ],
    )
    def test_that_cannot_be_used_are_refused(self, options: dict[str, object], hint: str) -> None:
        with pytest.raises(OptionError, match=hint.replace("?", r"\?")):
            open_notifier(f"postgresql://frodo:{SECRET}@h/d?namespace=n", **options)
