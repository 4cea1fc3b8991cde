"""What a commit does to the threads."""

from __future__ import annotations

from dataclasses import replace

import pytest

from squidie_contract.checks.contract import StorageClauses
from squidie_contract.engine.appends import (
    FAR_FUTURE,
    HOUR,
    append,
    commit_one,
    commits_of,
    due_ids,
    history,
    loaded,
    stored,
    write,
)
from squidie_core.errors import SquidieError, TooLarge
from squidie_core.journal.codec import MAX_COMMIT_BYTES
from squidie_core.journal.commit import COMMITTED, NO_HEAD, Commit, Conflict, Head, Refused
from squidie_core.ports.storage import RunQuery, Storage


class JournalClauses(StorageClauses):
    """Journal: J2 to J6 and J13."""

    def test_j2_an_accepted_commit_continues_the_revisions_without_a_gap(self, storage: Storage) -> None:
        first = append("t", NO_HEAD, "a", "b", "c")
        second = append("t", first.head, "d")
        third = append("t", second.head, "e", "f")
        write(storage, first, second, third)
        assert [(c.rev, c.count) for c in commits_of(storage, "t")] == [(1, 3), (4, 1), (5, 2)]
        assert loaded(storage, "t").head.rev == 6

    def test_j2_an_accepted_commit_names_the_commit_that_it_followed(self, storage: Storage) -> None:
        one, two, three = history(storage, "t", "a", "b", "c")
        chain = [(c.previous, c.commit_id) for c in commits_of(storage, "t")]
        assert chain == [(0, one.commit_id), (one.commit_id, two.commit_id), (two.commit_id, three.commit_id)]

    def test_j4_an_accepted_commit_may_append_to_as_many_threads_as_the_adapter_declares(
        self, storage: Storage
    ) -> None:
        appends = tuple(append(f"t{i}") for i in range(min(storage.capabilities.max_appends, 200)))
        assert storage.commit([Commit(appends)]) == [COMMITTED]
        assert set(storage.heads([a.thread_id for a in appends])) == {a.thread_id for a in appends}

    def test_j13_an_accepted_commit_of_the_largest_size_is_taken(self, storage: Storage) -> None:
        one = replace(append("t"), body='["' + "x" * (MAX_COMMIT_BYTES - 4) + '"]')
        write(storage, one)
        assert commits_of(storage, "t") == [stored(one)]

    def test_j5_an_accepted_commit_takes_no_commits_at_all_for_an_answer(self, storage: Storage) -> None:
        assert list(storage.commit([])) == []

    def test_j3_the_fence_refuses_a_head_that_has_moved_on(self, storage: Storage) -> None:
        one, two = history(storage, "t", "a", "b")
        assert commit_one(storage, append("t", one.head)) == Conflict(("t",))
        assert loaded(storage, "t").head == two.head

    def test_j3_the_fence_refuses_a_head_with_the_right_revision_of_another_commit(self, storage: Storage) -> None:
        (one,) = history(storage, "t", "a")
        foreign = Head(one.head.rev, one.commit_id ^ 1)
        assert commit_one(storage, append("t", foreign)) == Conflict(("t",))

    def test_j3_the_fence_refuses_a_head_that_the_thread_has_not_reached(self, storage: Storage) -> None:
        (one,) = history(storage, "t", "a")
        assert commit_one(storage, append("t", Head(one.head.rev + 1, one.commit_id))) == Conflict(("t",))

    def test_j3_the_fence_refuses_to_start_a_thread_that_exists(self, storage: Storage) -> None:
        (one,) = history(storage, "t", "a")
        assert commit_one(storage, append("t")) == Conflict(("t",))
        assert commits_of(storage, "t") == [stored(one)]

    def test_j3_the_fence_refuses_to_continue_a_thread_that_does_not_exist(self, storage: Storage) -> None:
        assert commit_one(storage, append("t", Head(1, 77))) == Conflict(("t",))
        assert storage.heads(["t"]) == {}

    def test_j4_a_commit_of_several_appends_takes_effect_on_all_threads(self, storage: Storage) -> None:
        (one,) = history(storage, "a", "x")
        both = (append("a", one.head), append("b"))
        assert storage.commit([Commit(both)]) == [COMMITTED]
        assert [storage.heads(["a", "b"])[key].head for key in "ab"] == [both[0].head, both[1].head]

    @pytest.mark.parametrize("stale", ["a", "b", "c"])
    def test_j4_a_commit_of_several_appends_takes_effect_on_none_where_one_is_fenced_off(
        self, storage: Storage, stale: str
    ) -> None:
        old = {key: history(storage, key, "x", "y") for key in "abc"}
        listed = storage.find(RunQuery()).runs
        appends = tuple(append(key, old[key][0 if key == stale else 1].head, status="paused") for key in "abc")
        assert storage.commit([Commit(appends, nudges=("a",))]) == [Conflict((stale,))]
        assert {key: commits_of(storage, key) for key in "abc"} == {
            key: [stored(one) for one in old[key]] for key in "abc"
        }
        assert storage.find(RunQuery()).runs == listed
        assert storage.heads(["a"])["a"].nudges == 0

    def test_j4_a_commit_of_several_appends_leaves_no_new_thread_behind_where_another_is_fenced_off(
        self, storage: Storage
    ) -> None:
        history(storage, "parent", "x")
        result = storage.commit([Commit((append("child"), append("parent", Head(9, 9))))])
        assert result == [Conflict(("parent",))]
        assert storage.heads(["child"]) == {}
        assert storage.load(["child"]) == {}
        assert list(storage.read("child")) == []
        assert [run.thread_id for run in storage.find(RunQuery()).runs] == ["parent"]

    def test_j5_a_group_of_commits_is_judged_one_by_one_and_answered_in_order(self, storage: Storage) -> None:
        (one,) = history(storage, "stale", "x")
        history(storage, "taken", "x")
        good = [append(f"good{i}") for i in range(3)]
        results = storage.commit(
            [
                Commit((good[0],)),
                Commit((append("stale", Head(1, one.commit_id ^ 1)),)),
                Commit((good[1],)),
                Commit((append("new", Head(3, 3)),)),
                Commit((append("taken"), append("beside"))),
                Commit((good[2], append("also"))),
            ]
        )
        assert list(results) == [
            COMMITTED,
            Conflict(("stale",)),
            COMMITTED,
            Conflict(("new",)),
            Conflict(("taken",)),
            COMMITTED,
        ]
        written = {run.thread_id for run in storage.find(RunQuery()).runs}
        assert written == {"stale", "taken", "good0", "good1", "good2", "also"}

    def test_j5_a_group_of_commits_may_be_larger_than_the_adapter_likes(self, storage: Storage) -> None:
        count = storage.capabilities.max_group + 3
        results = storage.commit([Commit((append(f"t{i:04}"),)) for i in range(count)])
        assert list(results) == [COMMITTED] * count
        assert len(storage.heads([f"t{i:04}" for i in range(count)])) == count

    def test_j6_a_refused_commit_leaves_no_trace(self, storage: Storage) -> None:
        write(storage, append("t", NO_HEAD, "kept", status="running", wake_at=FAR_FUTURE))
        before = (storage.load(["t"]), storage.heads(["t"]), storage.find(RunQuery()), commits_of(storage, "t"))
        stale = append("t", Head(5, 5), "lost", status="completed")
        assert storage.commit([Commit((stale,), nudges=("t",))]) == [Conflict(("t",))]
        assert (storage.load(["t"]), storage.heads(["t"]), storage.find(RunQuery()), commits_of(storage, "t")) == before
        assert due_ids(storage) == []

    def test_j6_a_refused_commit_keeps_the_reservation_and_the_parking_of_its_thread(self, storage: Storage) -> None:
        write(storage, append("reserved"), append("parked"))
        storage.reserve("parked", until=FAR_FUTURE, reason="step_unavailable")
        assert due_ids(storage, reserve_for=HOUR) == ["reserved"]
        assert commit_one(storage, append("reserved")) == Conflict(("reserved",))
        assert commit_one(storage, append("parked")) == Conflict(("parked",))
        assert due_ids(storage) == []

    def test_j13_a_refused_commit_for_its_size_harms_no_other(self, storage: Storage) -> None:
        large = replace(append("large"), body='["' + "x" * MAX_COMMIT_BYTES + '"]')
        first, refused, third = storage.commit(
            [Commit((append("a"),)), Commit((append("beside"), large)), Commit((append("c"),))]
        )
        assert (first, third) == (COMMITTED, COMMITTED)
        assert isinstance(refused, Refused)
        assert isinstance(refused.error, TooLarge)
        assert set(storage.heads(["a", "large", "beside", "c"])) == {"a", "c"}

    @pytest.mark.parametrize(
        "body", ['["caf\u00e9"]', '["a\x00b"]', '["\ud800"]'], ids=["not ASCII", "NUL", "surrogate"]
    )
    def test_j13_a_refused_commit_for_a_body_that_no_codec_writes_harms_no_other(
        self, storage: Storage, body: str
    ) -> None:
        odd = replace(append("odd"), body=body)
        first, result, third = storage.commit(
            [Commit((append("a"),)), Commit((append("beside"), odd)), Commit((append("c"),))]
        )
        assert (first, third) == (COMMITTED, COMMITTED)
        if result == COMMITTED:
            assert commits_of(storage, "odd") == [stored(odd)]
        else:
            assert isinstance(result, Refused)
            assert isinstance(result.error, SquidieError)
            assert set(storage.heads(["a", "odd", "beside", "c"])) == {"a", "c"}

    def test_j6_a_refused_commit_for_a_thread_that_it_names_twice_leaves_no_trace(self, storage: Storage) -> None:
        first = append("t")
        try:
            (result,) = storage.commit([Commit((append("beside"), first, append("t", first.head)))])
        except SquidieError:
            pass
        else:
            assert isinstance(result, Refused)
        assert storage.heads(["t", "beside"]) == {}
