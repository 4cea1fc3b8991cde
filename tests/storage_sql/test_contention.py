"""Commits beside commits of others, and beside rows that others have locked."""

from __future__ import annotations

import random
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast

import psycopg
import pytest

from squidie_contract.engine.appends import FAR_FUTURE, LONG_AGO, OFFERS, append, commits_of, due_ids, write
from squidie_core.journal.commit import COMMITTED, Busy, Commit, CommitResult, Conflict
from squidie_storage_sql import SqlStorage
from squidie_storage_sql.database import Parameters, Row
from squidie_storage_sql.postgresql.database import PostgresqlDatabase
from tests.storage_sql.stores import Store

LOCK = "select from squidie_runs where namespace = %s and run_id = %s for update"


@contextmanager
def stranger(store: Store, statement: str, *parameters: object) -> Generator[psycopg.Connection[Any]]:
    """Leave a transaction of somebody else open that ran the statement."""
    with psycopg.connect(store.url) as connection:
        connection.execute(statement.encode(), (store.namespace, *parameters))
        yield connection
        connection.rollback()


class TestGroupsOverTheSameRuns:
    def test_none_deadlocks_and_every_accepted_entry_is_there_once(self, store: Store) -> None:
        storage = store.open()
        names = [f"r{i:03}" for i in range(256)]
        write_all(storage, names)
        with ThreadPoolExecutor(4) as pool:
            accepted = sum(pool.map(groups_of_128, [storage] * 4, [names] * 4, range(4)))
        revs = store.sql("select sum(rev) from squidie_runs where namespace = ?", store.namespace)
        counts = store.sql("select sum(count) from squidie_commits where namespace = ?", store.namespace)
        assert revs == counts == [(256 + 2 * accepted,)]
        assert accepted > 0


def write_all(storage: SqlStorage, names: list[str]) -> None:
    assert set(storage.commit([Commit((append(name),)) for name in names])) == {COMMITTED}


def groups_of_128(storage: SqlStorage, names: list[str], seed: int) -> int:
    chosen = random.Random(seed)  # noqa: S311 -- it guards nothing
    accepted = 0
    for _ in range(12):
        some = chosen.sample(names, 128)
        heads = storage.heads(some)
        results = storage.commit([Commit((append(name, heads[name].head, "x", "y"),)) for name in some])
        assert {type(result) for result in results} <= {type(COMMITTED), Conflict, Busy}
        accepted += sum(result == COMMITTED for result in results)
    return accepted


class TestALockedRow:
    def test_is_busy_at_once_and_holds_up_nobody_else(self, postgresql: Store) -> None:
        storage = postgresql.open()
        first = [append(name) for name in ("a", "b", "c")]
        write(storage, *first)
        group = [Commit((append(one.thread_id, one.head),)) for one in first]
        with stranger(postgresql, LOCK, "b"):
            assert storage.commit(group) == [COMMITTED, Busy(("b",)), COMMITTED]
        assert storage.commit(group) == [COMMITTED] * 3
        assert [len(commits_of(storage, name)) for name in "abc"] == [2, 2, 2]

    def test_keeps_out_all_appends_of_a_commit(self, postgresql: Store) -> None:
        storage = postgresql.open()
        parent = append("parent")
        write(storage, parent)
        both = [Commit((append("child"), append("parent", parent.head)))]
        with stranger(postgresql, LOCK, "parent"):
            assert storage.commit(both) == [Busy(("child", "parent"))]
        assert commits_of(storage, "child") == []
        assert storage.commit(both) == [COMMITTED]

    def test_is_a_conflict_once_the_head_has_moved(self, postgresql: Store) -> None:
        storage = postgresql.open()
        first = append("a")
        write(storage, first)
        stale = append("a", first.head)
        write(storage, append("a", first.head))
        with stranger(postgresql, LOCK, "a"):
            assert storage.commit([Commit((stale,))]) == [Conflict(("a",))]

    def test_delays_neither_due_nor_reserve_nor_a_nudge(self, postgresql: Store) -> None:
        storage = postgresql.open()
        write(storage, append("a"), append("b"))
        with stranger(postgresql, LOCK, "a"):
            assert due_ids(storage) == ["b"]
            storage.reserve("a", until=5, reason="busy")
            assert storage.commit([Commit((append("c"),), nudges=("a",))]) == [COMMITTED]
            storage.acknowledge({"a": 1})
        assert storage.heads(["a"])["a"].nudges == 0

    @pytest.mark.parametrize("appends", [1, 2])
    def test_is_nudged_where_it_is_free_again_at_the_end_of_the_commit(
        self, postgresql: Store, monkeypatch: pytest.MonkeyPatch, appends: int
    ) -> None:
        storage = postgresql.open()
        write(storage, append("a", wake_at=None))
        children = tuple(append(f"c{i}", wake_at=None) for i in range(appends))
        write_statement = storage.database.write

        def write_after_release(statement: str, parameters: Parameters) -> list[Row]:
            if statement == storage.database.statements.nudge:
                connection.rollback()
            return write_statement(statement, parameters)

        monkeypatch.setattr(storage.database, "write", write_after_release)
        with stranger(postgresql, LOCK, "a") as connection:
            assert storage.commit([Commit(children, nudges=("a",))]) == [COMMITTED]
            assert due_ids(storage) == ["a"]
        assert storage.heads(["a"])["a"].nudges == 1

    def test_is_passed_over_by_a_purge(self, postgresql: Store) -> None:
        storage = postgresql.open()
        write(storage, *(append(name, status="completed", ended_at=LONG_AGO, wake_at=None) for name in "abc"))

        def purged() -> list[str]:
            page = storage.purge(before=FAR_FUTURE, statuses=("completed",), remember_until=FAR_FUTURE)
            return sorted(page.run_ids)

        with stranger(postgresql, LOCK, "b"):
            assert purged() == ["a", "c"]
        assert purged() == ["b"]


class TestAPurge:
    def test_leaves_a_run_to_which_somebody_appended_while_it_looked(self, postgresql: Store) -> None:
        storage, writer = postgresql.open(), postgresql.open()
        first = {name: append(name, status="completed", ended_at=LONG_AGO, wake_at=None) for name in "ab"}
        write(storage, *first.values())
        database = cast("PostgresqlDatabase", storage.database)
        looked = "from home, found, lateral"
        assert looked in database.statements.purge
        held = "from home, (select found.*, pg_advisory_xact_lock(5718) from found offset 0) found, lateral"
        database.statements = replace(database.statements, purge=database.statements.purge.replace(looked, held))
        with psycopg.connect(postgresql.url) as stranger, ThreadPoolExecutor(1) as pool:
            stranger.execute("select pg_advisory_lock(5718)")
            page = pool.submit(
                storage.purge, before=FAR_FUTURE, statuses=("completed",), remember_until=FAR_FUTURE, limit=9
            )
            while stranger.execute("select from pg_locks where locktype = 'advisory' and not granted").rowcount == 0:
                pass
            write(writer, append("b", first["b"].head, status="completed", ended_at=LONG_AGO, wake_at=None))
            stranger.execute("select pg_advisory_unlock(5718)")
            assert list(page.result().run_ids) == ["a"]
        assert [len(commits_of(writer, name)) for name in "ab"] == [0, 2]
        assert set(writer.heads(["a", "b"])) == {"b"}


class TestAStartThatSomebodyHasNotCommitted:
    def test_is_busy_at_once_and_holds_up_nobody_else(self, postgresql: Store) -> None:
        storage = postgresql.open()
        theirs = "select pg_advisory_xact_lock(hashtextextended('a', hashtextextended(%s, 5717)))"
        group = [Commit((append(name),)) for name in ("a", "b")]
        with stranger(postgresql, theirs):
            assert storage.commit(group) == [Busy(("a",)), COMMITTED]
        assert storage.commit(group) == [COMMITTED, COMMITTED]

    def test_happens_once_where_many_try(self, store: Store) -> None:
        storage = store.open()

        def start(_: int) -> list[CommitResult]:
            return storage.commit([Commit((append(f"r{i}"),)) for i in range(20)])

        with ThreadPoolExecutor(4) as pool:
            results = list(pool.map(start, range(8)))
        for i in range(20):
            assert len(commits_of(storage, f"r{i}")) == 1
            assert sum(result[i] == COMMITTED for result in results) == 1

    def test_happens_once_with_all_that_belongs_to_it(self, store: Store) -> None:
        storage = store.open()

        def start(attempt: int) -> CommitResult:
            (result,) = storage.commit([Commit((append(f"own {attempt}"), append("shared")))])
            return result

        with ThreadPoolExecutor(4) as pool:
            results = list(pool.map(start, range(12)))
        owns = [bool(commits_of(storage, f"own {attempt}")) for attempt in range(12)]
        assert owns == [result == COMMITTED for result in results]
        assert sum(owns) == len(commits_of(storage, "shared")) == 1


class TestDue:
    def test_gives_a_run_to_one_of_many(self, store: Store) -> None:
        storage = store.open()
        write_all(storage, [f"r{i}" for i in range(60)])

        def poll(_: int) -> list[str]:
            batch = storage.due("default", offers=OFFERS, limit=5, reserve_for=3_600_000)
            return [run.thread_id for run in batch.runs]

        with ThreadPoolExecutor(4) as pool:
            taken = [name for names in pool.map(poll, range(40)) for name in names]
        assert sorted(taken) == sorted(f"r{i}" for i in range(60))
