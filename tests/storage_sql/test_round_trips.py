"""What an operation costs in round trips and locks."""

from __future__ import annotations

import pytest

from squidie_contract.engine.appends import FAR_FUTURE, LONG_AGO, OFFERS, append, write
from squidie_core.journal.commit import COMMITTED, Commit, Conflict, Head
from tests.storage_sql.stores import Store
from tests.storage_sql.wire import round_trips, statements


def group(size: int, *, prefix: str = "r") -> list[Commit]:
    return [Commit((append(f"{prefix}{i}"),)) for i in range(size)]


def followed(commits: list[Commit]) -> list[Commit]:
    return [Commit((append(one.appends[0].thread_id, one.appends[0].head),)) for one in commits]


class TestPostgresql:
    """Each statement is used once before, because preparing it is a round trip of its own."""

    def test_a_group_of_starts_and_appends_is_one_round_trip(self, postgresql: Store) -> None:
        storage = postgresql.open()
        first = group(100)
        storage.commit(first)
        mixed = [*followed(first), *group(100, prefix="s")]
        with round_trips(storage) as count:
            assert set(storage.commit(mixed)) == {COMMITTED}
            assert count() == 1

    def test_a_group_of_appends_is_one_round_trip(self, postgresql: Store) -> None:
        storage = postgresql.open()
        first = group(128)
        storage.commit(first)
        second = followed(first)
        storage.commit(second)
        with round_trips(storage) as count:
            assert set(storage.commit(followed(second))) == {COMMITTED}
            assert count() == 1

    def test_a_commit_of_several_appends_is_one_round_trip(self, postgresql: Store) -> None:
        storage = postgresql.open()
        trips = 0
        for prefix in ("one", "two"):
            many = Commit(tuple(append(f"{prefix}{i}") for i in range(50)))
            with round_trips(storage) as count:
                assert storage.commit([many]) == [COMMITTED]
                trips = count()
        assert trips == 1

    def test_finding_out_why_something_was_refused_is_one_more(self, postgresql: Store) -> None:
        storage = postgresql.open()
        write(storage, append("a"), append("b"))
        trips = 0
        for _ in range(2):
            stale = [Commit((append(one, Head(1, 7)),)) for one in ("a", "b")]
            with round_trips(storage) as count:
                assert storage.commit(stale) == [Conflict(("a",)), Conflict(("b",))]
                trips = count()
        assert trips == 2

    @pytest.mark.parametrize("children", [1, 2])
    def test_a_commit_with_nudges_is_one_round_trip(self, postgresql: Store, children: int) -> None:
        storage = postgresql.open()
        write(storage, append("parent"))
        trips = 0
        for times in ("once", "again"):
            some = tuple(append(f"{times} {i}") for i in range(children))
            with round_trips(storage) as count:
                assert storage.commit([Commit(some, nudges=("parent", "gone"))]) == [COMMITTED]
                trips = count()
        assert trips == 1

    @pytest.mark.parametrize("found", [0, 20])
    def test_due_is_one_round_trip_and_brings_small_threads(self, postgresql: Store, found: int) -> None:
        storage = postgresql.open()
        storage.due("default", offers=OFFERS, limit=64, reserve_for=0)
        storage.commit(group(found))
        with round_trips(storage) as count:
            batch = storage.due("default", offers=OFFERS, limit=64, reserve_for=1000)
            assert count() == 1
        assert [run.loaded is not None for run in batch.runs] == [True] * found

    def test_load_and_heads_are_one_round_trip_each(self, postgresql: Store) -> None:
        storage = postgresql.open()
        storage.commit(group(50))
        names = [f"r{i}" for i in range(50)]
        storage.load(names)
        storage.heads(names)
        with round_trips(storage) as count:
            assert len(storage.load(names)) == len(storage.heads(names)) == 50
            assert count() == 2

    def test_a_page_of_a_purge_is_one_round_trip_and_so_are_tombstones(self, postgresql: Store) -> None:
        storage = postgresql.open()
        trips, names = 0, list[str]()
        for times in ("once", "again"):
            names = [f"{times} {i}" for i in range(50)]
            write(storage, *(append(name, status="completed", ended_at=LONG_AGO, wake_at=None) for name in names))
            with round_trips(storage) as count:
                page = storage.purge(before=FAR_FUTURE, statuses=("completed",), remember_until=FAR_FUTURE)
                assert sorted(page.run_ids) == sorted(names)
                trips = count()
        assert trips == 1
        storage.tombstones(["gone"])
        with round_trips(storage) as count:
            assert len(storage.tombstones(names)) == 50
            assert count() == 1

    @pytest.mark.parametrize("option", [True, False])
    def test_statements_are_prepared_unless_that_is_off(self, postgresql: Store, *, option: bool) -> None:
        storage = postgresql.open(prepared_statements=option, pool_size=1)
        write(storage, append("a"), append("b"))
        storage.due("default", offers=OFFERS, limit=1, reserve_for=0)
        kept = "select name from pg_prepared_statements where statement ~ '(insert into|update) squidie_run[s]'"
        assert len(storage.database.read(kept, {})) == (2 if option else 0)


class TestSqlite:
    def test_a_poll_that_finds_nothing_takes_no_lock(self, sqlite: Store) -> None:
        storage = sqlite.open()
        write(storage, append("later", wake_at=4_000_000_000_000))
        with statements(storage) as seen:
            assert storage.due("default", offers=OFFERS, limit=10, reserve_for=1000).runs == []
        assert seen
        assert set(seen) == {"select"}

    def test_a_group_is_one_transaction(self, sqlite: Store) -> None:
        storage = sqlite.open()
        many = Commit((append("x"), append("y")))
        with statements(storage) as seen:
            assert storage.commit([*group(100), many]) == [COMMITTED] * 101
        assert (seen.count("begin"), seen.count("commit")) == (1, 1)
