"""After a lost answer the identical commits are given again; that finds out what happened."""

from __future__ import annotations

from squidie_contract.checks.contract import StorageClauses
from squidie_contract.engine.appends import HOUR, append, commit_one, commits_of, due_ids, history, loaded, write
from squidie_core.journal.commit import COMMITTED, NO_HEAD, Commit, Conflict
from squidie_core.ports.storage import RunQuery, Storage


class ResubmittingClauses(StorageClauses):
    """Resubmitting: J9."""

    def test_j9_resubmission_of_what_took_effect_is_committed_without_a_second_effect(self, storage: Storage) -> None:
        commit = Commit((append("t", NO_HEAD, "a", "b"),))
        assert storage.commit([commit]) == [COMMITTED]
        before = (storage.load(["t"]), storage.find(RunQuery()))
        assert storage.commit([commit]) == [COMMITTED]
        assert (storage.load(["t"]), storage.find(RunQuery())) == before

    def test_j9_resubmission_of_several_appends_that_took_effect_is_committed(self, storage: Storage) -> None:
        commit = Commit((append("a"), append("b")))
        assert storage.commit([commit]) == [COMMITTED]
        assert storage.commit([commit]) == [COMMITTED]
        assert len(commits_of(storage, "a")) == len(commits_of(storage, "b")) == 1

    def test_j9_resubmission_is_committed_though_the_thread_has_moved_on_and_does_not_set_it_back(
        self, storage: Storage
    ) -> None:
        one = append("t", NO_HEAD, "one", status="running")
        two = append("t", one.head, "two", status="completed", wake_at=None)
        write(storage, one, two)
        assert commit_one(storage, one) == COMMITTED
        assert loaded(storage, "t").head == two.head
        assert storage.heads(["t"])["t"].status == "completed"
        assert due_ids(storage) == []

    def test_j9_resubmission_of_what_took_effect_does_not_lift_a_reservation(self, storage: Storage) -> None:
        one = append("t")
        write(storage, one)
        assert due_ids(storage, reserve_for=HOUR) == ["t"]
        assert commit_one(storage, one) == COMMITTED
        assert due_ids(storage) == []

    def test_j9_resubmission_does_not_nudge_again(self, storage: Storage) -> None:
        write(storage, append("parent"))
        commit = Commit((append("child"),), nudges=("parent",))
        assert storage.commit([commit]) == [COMMITTED]
        assert storage.commit([commit]) == [COMMITTED]
        assert storage.heads(["parent"])["parent"].nudges == 1

    def test_j9_resubmission_of_what_never_arrived_takes_effect(self, storage: Storage) -> None:
        arrived, lost = Commit((append("a"),)), Commit((append("b"), append("c")))
        assert storage.commit([arrived]) == [COMMITTED]
        assert storage.commit([arrived, lost]) == [COMMITTED, COMMITTED]
        assert all(len(commits_of(storage, key)) == 1 for key in "abc")

    def test_j9_resubmission_is_a_conflict_where_another_took_the_revision(self, storage: Storage) -> None:
        (one,) = history(storage, "t", "x")
        mine, theirs = append("t", one.head, "mine"), append("t", one.head, "theirs")
        write(storage, theirs)
        assert commit_one(storage, mine) == Conflict(("t",))
        write(storage, append("t", theirs.head))
        assert commit_one(storage, mine) == Conflict(("t",))
