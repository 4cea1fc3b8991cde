"""What a load and a read give."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from squidie_contract.checks.contract import StorageClauses
from squidie_contract.engine.appends import append, checkpoint_at, commits_of, history, loaded, stored, write
from squidie_contract.engine.worlds import World
from squidie_core.journal.commit import NO_HEAD, Head, LoadedThread, StoredCommit
from squidie_core.ports.storage import Storage


class ReadingClauses(StorageClauses):
    """Reading: J10 and J11."""

    def test_j10_load_gives_many_threads_whole_and_in_order(self, storage: Storage) -> None:
        written = {key: history(storage, key, *(f"{key}{i}" for i in range(5))) for key in "abc"}
        threads = storage.load(["c", "a", "b"])
        assert {key: list(thread.commits) for key, thread in threads.items()} == {
            key: [stored(one) for one in appends] for key, appends in written.items()
        }
        assert {key: thread.head for key, thread in threads.items()} == {
            key: appends[-1].head for key, appends in written.items()
        }

    def test_j11_load_leaves_out_what_does_not_exist(self, storage: Storage) -> None:
        write(storage, append("t"))
        assert set(storage.load(["gone", "t", "never"])) == {"t"}
        assert storage.load([]) == {}

    def test_j10_load_sees_what_this_process_committed_through_any_client(self, world: World) -> None:
        writer, reader = world.storage(), world.storage()
        one = append("t")
        write(writer, one)
        assert loaded(reader, "t").head == one.head
        two = append("t", one.head)
        write(reader, two)
        assert loaded(writer, "t").head == two.head

    def tail(self, storage: Storage, known: Mapping[str, Head]) -> LoadedThread:
        return storage.load(["t"], known=known)["t"]

    def test_j11_load_of_a_known_thread_gives_only_what_follows_the_known_head(self, storage: Storage) -> None:
        one, two, three = history(storage, "t", "a", "b", "c")
        thread = self.tail(storage, {"t": one.head})
        assert list(thread.commits) == [stored(two), stored(three)]
        assert thread.commits[0].previous == one.commit_id
        assert thread.head == three.head

    def test_j11_load_of_a_known_thread_gives_nothing_but_the_head_where_it_has_not_moved(
        self, storage: Storage
    ) -> None:
        *_, last = history(storage, "t", "a", "b")
        thread = self.tail(storage, {"t": last.head})
        assert (thread.head, list(thread.commits), thread.checkpoint) == (last.head, [], None)

    def test_j11_load_of_a_known_thread_shows_by_its_first_commit_that_the_known_head_is_of_another_history(
        self, storage: Storage
    ) -> None:
        one, two = history(storage, "t", "a", "b")
        foreign = Head(1, one.commit_id ^ 1)
        thread = self.tail(storage, {"t": foreign})
        assert list(thread.commits) == [stored(two)]
        assert thread.commits[0].previous != foreign.commit_id

    @pytest.mark.parametrize("rev", [2, 3])
    def test_j11_load_of_a_known_thread_shows_by_its_head_that_the_known_one_is_of_another_history(
        self, storage: Storage, rev: int
    ) -> None:
        *_, last = history(storage, "t", "a", "b")
        thread = self.tail(storage, {"t": Head(rev, last.commit_id ^ 1)})
        assert (thread.head, list(thread.commits)) == (last.head, [])

    def test_j11_load_of_a_known_thread_gives_the_whole_thread_after_no_head(self, storage: Storage) -> None:
        written = history(storage, "t", "a", "b", "c")
        storage.put_checkpoint("t", checkpoint_at(written[:2]))
        thread = self.tail(storage, {"t": NO_HEAD})
        assert thread.checkpoint is None
        assert list(thread.commits) == [stored(one) for one in written]

    def test_j11_load_of_a_known_thread_gives_all_that_follows_though_a_checkpoint_stands_for_some_of_it(
        self, storage: Storage
    ) -> None:
        written = history(storage, "t", "a", "b", "c")
        storage.put_checkpoint("t", checkpoint_at(written[:2]))
        thread = self.tail(storage, {"t": written[0].head})
        assert thread.checkpoint is None
        assert list(thread.commits) == [stored(one) for one in written[1:]]

    def test_j11_load_of_a_known_thread_gives_the_others_of_the_call_whole(self, storage: Storage) -> None:
        a, b = history(storage, "a", "x", "y"), history(storage, "b", "x", "y")
        threads = storage.load(["a", "b"], known={"a": a[0].head, "unasked": NO_HEAD})
        assert list(threads["a"].commits) == [stored(a[1])]
        assert list(threads["b"].commits) == [stored(one) for one in b]
        assert set(threads) == {"a", "b"}

    @pytest.fixture
    def written(self, storage: Storage) -> list[StoredCommit]:
        first = append("t", NO_HEAD, "1", "2", "3")
        second = append("t", first.head, "4")
        third = append("t", second.head, "5", "6")
        write(storage, first, second, third)
        return [stored(one) for one in (first, second, third)]

    @pytest.mark.parametrize(("after", "first"), [(0, 0), (1, 0), (2, 0), (3, 1), (4, 2), (5, 2), (6, 3), (7, 3)])
    def test_j11_read_gives_the_commits_that_hold_the_revisions_above_after(
        self, storage: Storage, written: list[StoredCommit], after: int, first: int
    ) -> None:
        assert list(storage.read("t", after=after)) == written[first:]

    @pytest.mark.parametrize("limit", [1, 2, 3, 4])
    def test_j11_read_gives_at_most_so_many_commits(
        self, storage: Storage, written: list[StoredCommit], limit: int
    ) -> None:
        assert list(storage.read("t", limit=limit)) == written[:limit]
        assert list(storage.read("t", after=3, limit=limit)) == written[1:][:limit]

    def test_j11_read_of_a_thread_that_does_not_exist_gives_nothing(self, storage: Storage) -> None:
        assert list(storage.read("gone")) == []

    def test_j11_read_is_not_shortened_by_a_checkpoint(self, storage: Storage) -> None:
        written = history(storage, "t", "a", "b", "c")
        storage.put_checkpoint("t", checkpoint_at(written))
        assert commits_of(storage, "t") == [stored(one) for one in written]
