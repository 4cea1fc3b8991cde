"""Commits that the database can never take, among others that it can."""

from __future__ import annotations

import pytest

from squidie_contract.engine.appends import append, commits_of, write
from squidie_core.errors import StorageError
from squidie_core.journal.commit import COMMITTED, Commit, Conflict, Refused
from tests.storage_sql.stores import Store

TOO_LARGE_FOR_AN_INTEGER = 2**70


def refusals(results: list[object]) -> list[int]:
    return [place for place, result in enumerate(results) if isinstance(result, Refused)]


class TestABadMember:
    @pytest.mark.parametrize("places", [{0}, {63}, {5, 6, 40}])
    def test_is_refused_alone(self, store: Store, places: set[int]) -> None:
        storage = store.open()
        group = [Commit((append(f"r{i}", wake_at=TOO_LARGE_FOR_AN_INTEGER if i in places else 5),)) for i in range(64)]
        results = list(storage.commit(group))
        assert refusals(list(results)) == sorted(places)
        assert results.count(COMMITTED) == 64 - len(places)
        assert {name for name in (f"r{i}" for i in range(64)) if commits_of(storage, name)} == {
            f"r{i}" for i in range(64) if i not in places
        }

    def test_says_why_without_the_drivers_type(self, store: Store) -> None:
        storage = store.open()
        (result,) = storage.commit([Commit((append("a", priority=TOO_LARGE_FOR_AN_INTEGER),))])
        assert isinstance(result, Refused)
        assert isinstance(result.error, StorageError)
        assert result.error.code == "refused"

    def test_whose_name_holds_a_nul_or_a_lone_surrogate_harms_no_other(self, store: Store) -> None:
        storage = store.open()
        results = storage.commit([Commit((append(name),)) for name in ("good", "b\0d", "b\ud800d", "")])
        assert refusals(list(results)) == [1, 2, 3]
        assert commits_of(storage, "good")

    def test_takes_its_own_commit_along(self, store: Store) -> None:
        storage = store.open()
        many = Commit((append("a"), append("b", started_at=TOO_LARGE_FOR_AN_INTEGER), append("c")))
        results = storage.commit([Commit((append("d"),)), many])
        assert refusals(list(results)) == [1]
        assert [bool(commits_of(storage, name)) for name in "abcd"] == [False, False, False, True]

    def test_only_postgresql_refuses_is_found_by_it(self, postgresql: Store) -> None:
        storage = postgresql.open()
        too_long_for_a_key = "".join(chr(0x4E00 + i * 7 % 20000) for i in range(4000))
        results = storage.commit([Commit((append(name),)) for name in ("a", too_long_for_a_key, "b")])
        assert refusals(list(results)) == [1]


class TestReads:
    def test_of_a_name_that_cannot_exist_raise_the_ports_error(self, store: Store) -> None:
        storage = store.open()
        with pytest.raises(StorageError):
            storage.put_blob("b\ud800d", "text")


class TestALostHead:
    def test_does_not_let_the_run_start_again(self, store: Store) -> None:
        storage = store.open()
        write(storage, append("a"))
        store.sql("delete from squidie_runs where namespace = ? and run_id = 'a'", store.namespace)
        group = [Commit((append(name),)) for name in ("a", "b")]
        assert storage.commit(group) == [Conflict(("a",)), COMMITTED]
        assert len(commits_of(storage, "a")) == 1


class TestGroups:
    def test_larger_than_one_are_all_written(self, store: Store) -> None:
        storage = store.open()
        assert storage.commit([Commit((append(f"r{i}"),)) for i in range(600)]) == [COMMITTED] * 600
