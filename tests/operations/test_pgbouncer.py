"""Through a real PgBouncer in transaction mode: no two transactions of a client need be in one session."""

from __future__ import annotations

import logging
from uuid import uuid4

import psycopg
import pytest

from squidie_contract.engine.appends import append, commits_of, stored, write
from squidie_core import Squidie
from squidie_core.journal.commit import COMMITTED, Checkpoint, Commit, Conflict
from squidie_storage_sql import SqlStorage, open_postgresql
from tests.operations.conftest import OpenNotifier
from tests.operations.flows import One, Two
from tests.runtime.stores import working
from tests.runtime.waiting import at_once, eventually


@pytest.fixture(params=["pooled_url", "forgetful_url"])
def url(request: pytest.FixtureRequest) -> str:
    """Give a URL through either PgBouncer, with the one option that an old one needs."""
    pooled: str = request.getfixturevalue(request.param)
    return f"{pooled}?namespace=t-{uuid4().hex}&prepared_statements=no"


@pytest.fixture
def storage(url: str) -> SqlStorage:
    return open_postgresql(url)


class TestThePooler:
    def test_gives_each_transaction_another_session(self, forgetful_url: str) -> None:
        """As it is meant to, or these tests would show nothing."""
        with psycopg.connect(forgetful_url, autocommit=True, prepare_threshold=None) as connection:
            sessions = {connection.execute("select pg_backend_pid()").fetchone() for _ in range(5)}
        assert len(sessions) == 5


class TestTheStorage:
    def test_keeps_all_its_promises_about_commits(self, storage: SqlStorage) -> None:
        first, other = append("a"), append("b")
        write(storage, first, other)
        second = append("a", first.head)
        assert storage.commit([Commit((second,), nudges=("b",)), Commit((append("c"),))]) == [COMMITTED, COMMITTED]
        assert isinstance(storage.commit([Commit((append("a", first.head),))])[0], Conflict)
        together = Commit((append("a", second.head), append("d")))
        assert storage.commit([together]) == [COMMITTED]
        assert commits_of(storage, "a") == [stored(one) for one in (first, second, together.appends[0])]
        assert storage.heads(["b"])["b"].nudges == 1
        storage.put_checkpoint("b", Checkpoint(other.head, 1, "body"))
        assert storage.load(["b"])["b"].checkpoint is not None
        storage.quarantine("b", reason="a test", by="a test")
        assert storage.unquarantine("b")
        storage.close()

    def test_takes_many_clients_at_once(self, url: str) -> None:
        storage = open_postgresql(url, pool_size=8)

        def chain(number: int) -> bool:
            heads = [append(f"{number}-{i}") for i in range(5)]
            written = storage.commit([Commit((one,)) for one in heads])
            written += storage.commit([Commit((append(one.thread_id, one.head),)) for one in heads])
            due = storage.due("nobody", offers=["w:*"], limit=5, reserve_for=1000)
            return written == [COMMITTED] * 10 and due.runs == []

        assert all(at_once(8, chain))
        storage.close()

    def test_leaves_no_setting_in_a_session_that_others_use(self, pooled_url: str) -> None:
        storage = open_postgresql(f"{pooled_url}?prepared_statements=no&pool_size=3")
        at_once(3, lambda _: storage.heads(["a"]))
        storage.quarantine("a", reason="sets a lock time-out", by="a test")
        with psycopg.connect(pooled_url, autocommit=True, prepare_threshold=None) as connection:
            for _ in range(10):
                row = connection.execute(
                    "select current_setting('plan_cache_mode'), current_setting('lock_timeout'), "
                    "(select count(*) from pg_prepared_statements)"
                ).fetchone()
                assert row == ("auto", "0", 0)
        storage.close()


class TestAWorker:
    def test_completes_runs(self, url: str) -> None:
        with Squidie(url, workflows=[One, Two]) as squidie, working(squidie):
            runs = [squidie.start(workflow, {}) for workflow in (One, Two) for _ in range(10)]
            eventually(lambda: all(squidie.inspect_run(run).status == "completed" for run in runs))
            assert squidie.rebuild_index() == {}

    def test_looks_for_itself_where_hints_go_astray(self, url: str, notifier: OpenNotifier) -> None:
        hints = notifier(url, probe_every=0.05, probe_timeout=1)
        with Squidie(url, workflows=[Two], notifier=hints) as squidie, working(squidie):
            with Squidie(url, workflows=[Two]) as other:
                run = other.start(Two, {})
            eventually(lambda: squidie.inspect_run(run).status == "completed")
            assert not hints.working


class TestTheNotifier:
    def test_finds_out_that_it_does_not_work(
        self, url: str, notifier: OpenNotifier, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.WARNING, logger="squidie.notifier"):
            hints = notifier(url, probe_every=0.05, probe_timeout=1)
            hints.listen("a", lambda _: None)
            hints.notify({"a": 1})
            eventually(lambda: "do not come back" in caplog.text)
        assert not hints.working

    def test_sends_all_the_same(self, pooled_url: str, migrated_url: str, notifier: OpenNotifier) -> None:
        heard: list[int] = []
        direct, pooled = notifier(migrated_url, namespace="shared"), notifier(pooled_url, namespace="shared")
        direct.listen("a", heard.append)
        eventually(lambda: direct.working)
        pooled.notify({"a": 9})
        eventually(lambda: heard == [9])
