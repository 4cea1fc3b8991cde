"""What checkpoints may and may not do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from squidie_contract.checks.contract import StorageClauses
from squidie_contract.engine.appends import append, checkpoint_at, fold, history, loaded, stored, write
from squidie_core.journal.commit import NO_HEAD, Checkpoint, Head
from squidie_core.ports.storage import Storage


class CheckpointsClauses(StorageClauses):
    """Checkpoints: R1 and R2."""

    def test_r1_a_checkpoint_stands_for_the_commits_before_it(self, storage: Storage) -> None:
        written = history(storage, "t", "a", "b", "c", "d")
        checkpoint = checkpoint_at(written[:2])
        storage.put_checkpoint("t", checkpoint)
        thread = loaded(storage, "t")
        assert thread.checkpoint == checkpoint
        assert list(thread.commits) == [stored(one) for one in written[2:]]
        assert thread.commits[0].previous == checkpoint.head.commit_id

    def test_r1_a_checkpoint_of_the_head_leaves_nothing_to_fold(self, storage: Storage) -> None:
        written = history(storage, "t", "a", "b")
        storage.put_checkpoint("t", checkpoint_at(written))
        thread = loaded(storage, "t")
        assert (thread.head, thread.checkpoint) == (written[-1].head, checkpoint_at(written))
        assert list(thread.commits) == []

    def test_r1_a_checkpoint_takes_the_place_of_an_older_one(self, storage: Storage) -> None:
        written = history(storage, "t", "a", "b", "c")
        for end in (1, 2):
            storage.put_checkpoint("t", checkpoint_at(written[:end]))
        assert loaded(storage, "t").checkpoint == checkpoint_at(written[:2])

    def test_r1_a_checkpoint_of_the_same_head_by_a_newer_fold_takes_the_place_of_the_older(
        self, storage: Storage
    ) -> None:
        written = history(storage, "t", "a")
        newer = replace(checkpoint_at(written), fold_version=2, body='["newer"]')
        for checkpoint in (checkpoint_at(written), newer):
            storage.put_checkpoint("t", checkpoint)
        assert loaded(storage, "t").checkpoint == newer

    def test_r2_a_checkpoint_that_comes_late_changes_nothing_that_a_reader_folds(self, storage: Storage) -> None:
        written = history(storage, "t", "a", "b", "c")
        for end in (2, 1):
            storage.put_checkpoint("t", checkpoint_at(written[:end]))
        assert fold(loaded(storage, "t")) == [one.body for one in written]

    @pytest.mark.parametrize("rev", [1, 2, 3, 4, 9])
    def test_r2_a_checkpoint_of_another_history_is_not_given(self, storage: Storage, rev: int) -> None:
        written = history(storage, "t", "a", "b", "c")
        foreign = Head(rev, written[min(rev, 3) - 1].commit_id ^ 1)
        storage.put_checkpoint("t", Checkpoint(foreign, 1, '["foreign"]'))
        thread = loaded(storage, "t")
        assert thread.checkpoint is None
        assert fold(thread) == [one.body for one in written]

    @pytest.mark.parametrize("rev", [1, 2, 4])
    def test_r2_a_checkpoint_at_a_revision_where_its_commit_does_not_end_is_not_given(
        self, storage: Storage, rev: int
    ) -> None:
        first = append("t", NO_HEAD, "1", "2", "3")
        second = append("t", first.head, "4", "5")
        write(storage, first, second)
        commit_id = first.commit_id if rev <= 3 else second.commit_id
        storage.put_checkpoint("t", Checkpoint(Head(rev, commit_id), 1, '["torn"]'))
        assert fold(loaded(storage, "t")) == [first.body, second.body]

    def test_r2_a_checkpoint_that_is_corrupt_can_be_passed_by(self, storage: Storage) -> None:
        written = history(storage, "t", "a", "b")
        storage.put_checkpoint("t", replace(checkpoint_at(written), body="{ not JSON"))
        assert fold(storage.load(["t"], known={"t": NO_HEAD})["t"]) == [one.body for one in written]

    def test_r2_a_checkpoint_that_is_deleted_is_gone(self, storage: Storage) -> None:
        written = history(storage, "t", "a", "b")
        storage.put_checkpoint("t", checkpoint_at(written))
        storage.delete_checkpoint("t")
        storage.delete_checkpoint("t")
        thread = loaded(storage, "t")
        assert thread.checkpoint is None
        assert list(thread.commits) == [stored(one) for one in written]

    def test_r2_a_checkpoint_of_a_thread_that_does_not_exist_makes_none(self, storage: Storage) -> None:
        storage.put_checkpoint("gone", Checkpoint(Head(1, 1), 1, "[]"))
        storage.delete_checkpoint("never")
        assert storage.load(["gone"]) == {}
        assert storage.heads(["gone"]) == {}
        one = append("gone")
        write(storage, one)
        assert fold(loaded(storage, "gone")) == [one.body]

    def test_r2_a_checkpoint_may_be_large(self, storage: Storage) -> None:
        written = history(storage, "t", "a")
        large = replace(checkpoint_at(written), body="x" * 3_000_000)
        storage.put_checkpoint("t", large)
        assert loaded(storage, "t").checkpoint in (large, None)

    def test_r2_a_checkpoint_changes_nothing_about_what_is_due(self, storage: Storage) -> None:
        written = history(storage, "t", "a", "b")
        storage.put_checkpoint("t", checkpoint_at(written[:1]))
        (run,) = storage.due("default", offers=["ring-errand:*"], limit=1, reserve_for=0).runs
        assert run.head == written[-1].head
        assert run.loaded is None or fold(run.loaded) == [one.body for one in written]
