"""What `Storage.load`, `heads` and `read` promise, and what checkpoints may and may not do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from squidie_core.journal.commit import NO_HEAD, Checkpoint, Head, LoadedThread, StoredCommit
from squidie_core.ports.storage import HeadStatus, Storage
from tests.ports.appends import (
    FAR_FUTURE,
    append,
    checkpoint_at,
    commits_of,
    entries,
    fold,
    history,
    loaded,
    nudge,
    stored,
    write,
)
from tests.ports.worlds import World


class TestLoad:
    def test_gives_many_threads_whole_and_in_order(self, storage: Storage) -> None:
        written = {key: history(storage, key, *(f"{key}{i}" for i in range(5))) for key in "abc"}
        threads = storage.load(["c", "a", "b"])
        assert {key: list(thread.commits) for key, thread in threads.items()} == {
            key: [stored(one) for one in appends] for key, appends in written.items()
        }
        assert {key: thread.head for key, thread in threads.items()} == {
            key: appends[-1].head for key, appends in written.items()
        }

    def test_leaves_out_what_does_not_exist(self, storage: Storage) -> None:
        write(storage, append("t"))
        assert set(storage.load(["gone", "t", "never"])) == {"t"}
        assert storage.load([]) == {}

    def test_sees_what_this_process_committed_through_any_client(self, world: World) -> None:
        writer, reader = world.open(), world.open()
        one = append("t")
        write(writer, one)
        assert loaded(reader, "t").head == one.head
        two = append("t", one.head)
        write(reader, two)
        assert loaded(writer, "t").head == two.head


class TestLoadOfAKnownThread:
    def tail(self, storage: Storage, known: Mapping[str, Head]) -> LoadedThread:
        return storage.load(["t"], known=known)["t"]

    def test_gives_only_what_follows_the_known_head(self, storage: Storage) -> None:
        one, two, three = history(storage, "t", "a", "b", "c")
        thread = self.tail(storage, {"t": one.head})
        assert list(thread.commits) == [stored(two), stored(three)]
        assert thread.commits[0].previous == one.commit_id
        assert thread.head == three.head

    def test_gives_nothing_but_the_head_where_it_has_not_moved(self, storage: Storage) -> None:
        *_, last = history(storage, "t", "a", "b")
        thread = self.tail(storage, {"t": last.head})
        assert (thread.head, list(thread.commits), thread.checkpoint) == (last.head, [], None)

    def test_shows_by_its_first_commit_that_the_known_head_is_of_another_history(self, storage: Storage) -> None:
        one, two = history(storage, "t", "a", "b")
        foreign = Head(1, one.commit_id ^ 1)
        thread = self.tail(storage, {"t": foreign})
        assert list(thread.commits) == [stored(two)]
        assert thread.commits[0].previous != foreign.commit_id

    @pytest.mark.parametrize("rev", [2, 3])
    def test_shows_by_its_head_that_the_known_one_is_of_another_history(self, storage: Storage, rev: int) -> None:
        *_, last = history(storage, "t", "a", "b")
        thread = self.tail(storage, {"t": Head(rev, last.commit_id ^ 1)})
        assert (thread.head, list(thread.commits)) == (last.head, [])

    def test_gives_the_whole_thread_after_no_head(self, storage: Storage) -> None:
        written = history(storage, "t", "a", "b", "c")
        storage.put_checkpoint("t", checkpoint_at(written[:2]))
        thread = self.tail(storage, {"t": NO_HEAD})
        assert thread.checkpoint is None
        assert list(thread.commits) == [stored(one) for one in written]

    def test_gives_all_that_follows_though_a_checkpoint_stands_for_some_of_it(self, storage: Storage) -> None:
        written = history(storage, "t", "a", "b", "c")
        storage.put_checkpoint("t", checkpoint_at(written[:2]))
        thread = self.tail(storage, {"t": written[0].head})
        assert thread.checkpoint is None
        assert list(thread.commits) == [stored(one) for one in written[1:]]

    def test_tells_of_nudges_though_nothing_follows(self, storage: Storage) -> None:
        (one,) = history(storage, "t", "a")
        nudge(storage, "t")
        assert self.tail(storage, {"t": one.head}).nudges == 1

    def test_gives_the_others_of_the_call_whole(self, storage: Storage) -> None:
        a, b = history(storage, "a", "x", "y"), history(storage, "b", "x", "y")
        threads = storage.load(["a", "b"], known={"a": a[0].head, "unasked": NO_HEAD})
        assert list(threads["a"].commits) == [stored(a[1])]
        assert list(threads["b"].commits) == [stored(one) for one in b]
        assert set(threads) == {"a", "b"}


class TestHeads:
    def test_are_the_cheap_look_at_the_runs_that_exist(self, storage: Storage) -> None:
        a = history(storage, "a", "x", "y", status="paused")[-1]
        b = history(storage, "b", "x", status="running")[-1]
        storage.reserve("b", until=FAR_FUTURE, reason="step_unavailable")
        storage.quarantine("a", reason="unreadable", by="operator")
        assert storage.heads(["a", "b", "gone"]) == {
            "a": HeadStatus(head=a.head, status="paused", quarantine_reason="unreadable"),
            "b": HeadStatus(head=b.head, status="running", parked_until=FAR_FUTURE, park_reason="step_unavailable"),
        }

    def test_of_nothing_are_nothing(self, storage: Storage) -> None:
        assert storage.heads([]) == {}


class TestRead:
    @pytest.fixture
    def written(self, storage: Storage) -> list[StoredCommit]:
        first = append("t", NO_HEAD, "1", "2", "3")
        second = append("t", first.head, "4")
        third = append("t", second.head, "5", "6")
        write(storage, first, second, third)
        return [stored(one) for one in (first, second, third)]

    @pytest.mark.parametrize(("after", "first"), [(0, 0), (1, 0), (2, 0), (3, 1), (4, 2), (5, 2), (6, 3), (7, 3)])
    def test_gives_the_commits_that_hold_the_revisions_above_after(
        self, storage: Storage, written: list[StoredCommit], after: int, first: int
    ) -> None:
        assert list(storage.read("t", after=after)) == written[first:]

    @pytest.mark.parametrize("limit", [1, 2, 3, 4])
    def test_gives_at_most_so_many_commits(self, storage: Storage, written: list[StoredCommit], limit: int) -> None:
        assert list(storage.read("t", limit=limit)) == written[:limit]
        assert list(storage.read("t", after=3, limit=limit)) == written[1:][:limit]

    def test_of_a_thread_that_does_not_exist_gives_nothing(self, storage: Storage) -> None:
        assert list(storage.read("gone")) == []

    def test_is_not_shortened_by_a_checkpoint(self, storage: Storage) -> None:
        written = history(storage, "t", "a", "b", "c")
        storage.put_checkpoint("t", checkpoint_at(written))
        assert commits_of(storage, "t") == [stored(one) for one in written]


class TestACheckpoint:
    def test_stands_for_the_commits_before_it(self, storage: Storage) -> None:
        written = history(storage, "t", "a", "b", "c", "d")
        checkpoint = checkpoint_at(written[:2])
        storage.put_checkpoint("t", checkpoint)
        thread = loaded(storage, "t")
        assert thread.checkpoint == checkpoint
        assert list(thread.commits) == [stored(one) for one in written[2:]]
        assert thread.commits[0].previous == checkpoint.head.commit_id

    def test_of_the_head_leaves_nothing_to_fold(self, storage: Storage) -> None:
        written = history(storage, "t", "a", "b")
        storage.put_checkpoint("t", checkpoint_at(written))
        thread = loaded(storage, "t")
        assert (thread.head, thread.checkpoint) == (written[-1].head, checkpoint_at(written))
        assert list(thread.commits) == []

    def test_takes_the_place_of_an_older_one(self, storage: Storage) -> None:
        written = history(storage, "t", "a", "b", "c")
        for end in (1, 2):
            storage.put_checkpoint("t", checkpoint_at(written[:end]))
        assert loaded(storage, "t").checkpoint == checkpoint_at(written[:2])

    def test_of_the_same_head_by_a_newer_fold_takes_the_place_of_the_older(self, storage: Storage) -> None:
        written = history(storage, "t", "a")
        newer = replace(checkpoint_at(written), fold_version=2, body='["newer"]')
        for checkpoint in (checkpoint_at(written), newer):
            storage.put_checkpoint("t", checkpoint)
        assert loaded(storage, "t").checkpoint == newer

    def test_that_comes_late_changes_nothing_that_a_reader_folds(self, storage: Storage) -> None:
        written = history(storage, "t", "a", "b", "c")
        for end in (2, 1):
            storage.put_checkpoint("t", checkpoint_at(written[:end]))
        assert fold(loaded(storage, "t")) == [one.body for one in written]

    @pytest.mark.parametrize("rev", [1, 2, 3, 4, 9])
    def test_of_another_history_is_not_given(self, storage: Storage, rev: int) -> None:
        written = history(storage, "t", "a", "b", "c")
        foreign = Head(rev, written[min(rev, 3) - 1].commit_id ^ 1)
        storage.put_checkpoint("t", Checkpoint(foreign, 1, '["foreign"]'))
        thread = loaded(storage, "t")
        assert thread.checkpoint is None
        assert fold(thread) == [one.body for one in written]

    @pytest.mark.parametrize("rev", [1, 2, 4])
    def test_at_a_revision_where_its_commit_does_not_end_is_not_given(self, storage: Storage, rev: int) -> None:
        first = append("t", NO_HEAD, "1", "2", "3")
        second = append("t", first.head, "4", "5")
        write(storage, first, second)
        commit_id = first.commit_id if rev <= 3 else second.commit_id
        storage.put_checkpoint("t", Checkpoint(Head(rev, commit_id), 1, '["torn"]'))
        assert fold(loaded(storage, "t")) == [first.body, second.body]

    def test_that_is_corrupt_can_be_passed_by(self, storage: Storage) -> None:
        written = history(storage, "t", "a", "b")
        storage.put_checkpoint("t", replace(checkpoint_at(written), body="{ not JSON"))
        assert fold(storage.load(["t"], known={"t": NO_HEAD})["t"]) == [one.body for one in written]

    def test_that_is_deleted_is_gone(self, storage: Storage) -> None:
        written = history(storage, "t", "a", "b")
        storage.put_checkpoint("t", checkpoint_at(written))
        storage.delete_checkpoint("t")
        storage.delete_checkpoint("t")
        thread = loaded(storage, "t")
        assert thread.checkpoint is None
        assert list(thread.commits) == [stored(one) for one in written]

    def test_of_a_thread_that_does_not_exist_makes_none(self, storage: Storage) -> None:
        storage.put_checkpoint("gone", Checkpoint(Head(1, 1), 1, "[]"))
        storage.delete_checkpoint("never")
        assert storage.load(["gone"]) == {}
        assert storage.heads(["gone"]) == {}
        one = append("gone")
        write(storage, one)
        assert fold(loaded(storage, "gone")) == [one.body]

    def test_may_be_large(self, storage: Storage) -> None:
        written = history(storage, "t", "a")
        large = replace(checkpoint_at(written), body="x" * 3_000_000)
        storage.put_checkpoint("t", large)
        assert loaded(storage, "t").checkpoint in (large, None)

    def test_changes_nothing_about_what_is_due(self, storage: Storage) -> None:
        written = history(storage, "t", "a", "b")
        storage.put_checkpoint("t", checkpoint_at(written[:1]))
        (run,) = storage.due("default", offers=["ring-errand:*"], limit=1, reserve_for=0).runs
        assert run.head == written[-1].head
        assert run.loaded is None or fold(run.loaded) == [one.body for one in written]


class TestBlobs:
    def test_are_kept_under_their_names(self, storage: Storage) -> None:
        storage.put_blob("one", '{"a":1}')
        storage.put_blob("two", "")
        assert storage.get_blobs(["two", "one", "gone"]) == {"one": '{"a":1}', "two": ""}
        assert storage.get_blobs([]) == {}

    def test_stay_what_they_are(self, storage: Storage, world: World) -> None:
        storage.put_blob("one", "first")
        world.open().put_blob("one", "second")
        assert storage.get_blobs(["one"]) == {"one": "first"}

    def test_may_be_large(self, storage: Storage) -> None:
        large = entries("x" * 200_000) * 10
        storage.put_blob("large", large)
        assert storage.get_blobs(["large"]) == {"large": large}

    def test_may_be_many(self, storage: Storage) -> None:
        for i in range(50):
            storage.put_blob(f"blob {i}", str(i))
        assert storage.get_blobs([f"blob {i}" for i in range(60)]) == {f"blob {i}": str(i) for i in range(50)}


class TestNamespaces:
    def test_never_see_each_other(self, world: World) -> None:
        here, there = world.open("here"), world.open("there")
        mine = history(here, "t", "mine", tags=("mine",))
        theirs = history(there, "t", "theirs", "more", status="paused")
        here.put_blob("blob", "mine")
        here.put_checkpoint("t", checkpoint_at(mine))
        here.quarantine("t", reason="unreadable", by="operator")
        nudge(here, "t")
        assert commits_of(here, "t") == [stored(one) for one in mine]
        assert commits_of(there, "t") == [stored(one) for one in theirs]
        assert loaded(there, "t") == LoadedThread(theirs[-1].head, loaded(there, "t").commits)
        assert there.heads(["t"]) == {"t": HeadStatus(head=theirs[-1].head, status="paused")}
        assert there.get_blobs(["blob"]) == {}
        there.put_blob("blob", "theirs")
        assert here.get_blobs(["blob"]) == {"blob": "mine"}
        assert not there.unquarantine("t")
        there.delete_checkpoint("t")
        assert loaded(here, "t").checkpoint is not None
