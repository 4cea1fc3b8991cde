"""A server that goes away, and answers that never come."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import cast
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from sqlalchemy.pool import QueuePool

from squidie_contract.engine.appends import append, commits_of, stored, write
from squidie_core.errors import Unavailable
from squidie_core.journal.commit import COMMITTED, Append, Commit, Head
from squidie_storage_sql import SqlStorage, open_postgresql
from squidie_storage_sql.postgresql.database import PostgresqlDatabase
from tests.servers import Postgres
from tests.storage_sql.stores import Store
from tests.storage_sql.wire import Cable

Opened = Callable[[SqlStorage], SqlStorage]


@pytest.fixture
def server(postgresql_url: str) -> Iterator[Postgres]:  # noqa: ARG001 -- skips where no server can be had
    """Yield a server of the test's own, because it is killed."""
    own = Postgres(fsync=False)
    yield own
    own.stop()


@pytest.fixture
def cable(postgresql_url: str) -> Iterator[Cable]:
    port = urlsplit(postgresql_url).port
    assert port is not None
    relay = Cable(port)
    yield relay
    relay.close()


def through(cable: Cable, store: Store) -> str:
    parts = urlsplit(store.url)
    return parts._replace(netloc=f"{parts.username}@127.0.0.1:{cable.port}").geturl()


class TestAServerThatIsKilled:
    def test_is_used_again_once_it_is_back(self, server: Postgres, opened: Opened) -> None:
        storage = opened(open_postgresql(server.url, create=True))
        first = append("a")
        write(storage, first)
        server.kill()
        with pytest.raises(Unavailable):
            storage.commit([Commit((append("a", first.head),))])
        with pytest.raises(Unavailable) as caught:
            storage.heads(["a"])
        assert caught.value.outcome == "none"
        server.start()
        second = append("a", first.head)
        write(storage, second)
        assert commits_of(storage, "a") == [stored(first), stored(second)]

    def test_leaves_no_stale_connection_in_the_pool(self, server: Postgres, opened: Opened) -> None:
        storage = opened(open_postgresql(server.url, create=True, pool_size=12))
        connections = cast("PostgresqlDatabase", storage.database).connections
        with ExitStack() as stack:
            for _ in range(12):
                stack.enter_context(connections.connection())
        server.kill()
        server.start()
        assert storage.heads(["a"]) == {}
        assert cast("QueuePool", connections.engine.pool).checkedin() == 1

    def test_in_the_midst_of_commits_loses_and_doubles_nothing(self, server: Postgres, opened: Opened) -> None:
        storage = opened(open_postgresql(server.url, create=True))
        write(storage, append("warm"))
        written = threading.Event()

        def chain(name: str) -> list[Append]:
            """Append until the server is back and has taken five more; repeat what failed as it was."""
            done: list[Append] = []
            after_the_outage = 0
            while after_the_outage < 5:
                head = done[-1].head if done else Head(0, 0)
                one = append(name, head)
                while True:
                    try:
                        assert storage.commit([Commit((one,))]) == [COMMITTED]
                    except Unavailable:
                        restarted.wait()
                    else:
                        break
                done.append(one)
                after_the_outage += restarted.is_set()
                if len(done) == 20:
                    written.set()
            return done

        restarted = threading.Event()
        with ThreadPoolExecutor(3) as pool:
            chains = {name: pool.submit(chain, name) for name in "abc"}
            assert written.wait(30)
            server.kill()
            server.start()
            restarted.set()
            written_by = {name: future.result(60) for name, future in chains.items()}
        for name, done in written_by.items():
            assert commits_of(storage, name) == [stored(one) for one in done]


class TestALostAnswer:
    def test_to_a_commit_is_found_out_by_sending_it_again(
        self, postgresql: Store, cable: Cable, opened: Opened
    ) -> None:
        postgresql.open()
        storage = opened(open_postgresql(through(cable, postgresql), namespace=postgresql.namespace, pool_size=1))
        first = append("a")
        write(storage, append("parent"), first)
        group = [Commit((append("a", first.head),)), Commit((append("b"),), nudges=("parent",))]
        cable.cut_answer()
        assert storage.commit(group) == [COMMITTED, COMMITTED]
        assert cable.is_whole()
        assert commits_of(storage, "a") == [stored(first), stored(group[0].appends[0])]
        assert commits_of(storage, "b") == [stored(group[1].appends[0])]
        assert storage.heads(["parent"])["parent"].nudges == 1

    def test_to_a_read_is_asked_for_again(self, postgresql: Store, cable: Cable, opened: Opened) -> None:
        postgresql.open()
        storage = opened(open_postgresql(through(cable, postgresql), namespace=postgresql.namespace))
        write(storage, append("a"))
        cable.cut_answer()
        assert list(storage.load(["a"])) == ["a"]
        assert cable.is_whole()

    def test_and_no_server_to_ask_leaves_the_outcome_unknown(
        self, postgresql: Store, cable: Cable, opened: Opened
    ) -> None:
        postgresql.open()
        storage = opened(open_postgresql(through(cable, postgresql), namespace=postgresql.namespace, pool_size=1))
        first = append("a")
        write(storage, first)
        write(storage, second := append("a", first.head))
        one = append("a", second.head)
        cable.cut_answer()
        cable.refuse_connections()
        with pytest.raises(Unavailable) as caught:
            storage.commit([Commit((one,))])
        assert caught.value.outcome == "unknown"
        other = postgresql.open()
        assert other.commit([Commit((one,))]) == [COMMITTED]
        assert commits_of(other, "a")[-1] == stored(one)


class TestNoConnection:
    def test_means_that_nothing_was_done(self, postgresql: Store) -> None:
        storage = postgresql.open(pool_size=1, pool_timeout=0)
        holding, release = threading.Event(), threading.Event()

        def hold() -> None:
            with cast("PostgresqlDatabase", storage.database).connections.connection():
                holding.set()
                release.wait()

        with ThreadPoolExecutor(1) as pool:
            held = pool.submit(hold)
            holding.wait()
            with pytest.raises(Unavailable, match="pool_size") as caught:
                storage.commit([Commit((append(uuid4().hex),))])
            release.set()
            held.result()
        assert caught.value.outcome == "none"
