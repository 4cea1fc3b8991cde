"""What `Storage.commit` promises."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise

import pytest

from squidie_core.errors import SquidieError, TooLarge
from squidie_core.journal.codec import MAX_COMMIT_BYTES
from squidie_core.journal.commit import COMMITTED, NO_HEAD, Busy, Commit, Committed, Conflict, Head, Refused
from squidie_core.ports.storage import RunQuery, Storage
from tests.ports.appends import (
    FAR_FUTURE,
    HOUR,
    append,
    commit_one,
    commits_of,
    due_ids,
    history,
    loaded,
    row,
    stored,
    write,
)
from tests.ports.worlds import World

OpenStorage = Callable[..., Storage]


class TestAnAcceptedCommit:
    def test_shows_its_entries_its_index_row_and_its_head_at_once(
        self, storage: Storage, open_storage: OpenStorage
    ) -> None:
        one = append("t", NO_HEAD, "first", "second", status="paused", tags=("x",))
        assert commit_one(storage, one) == COMMITTED
        for client in (storage, open_storage()):
            assert loaded(client, "t").head == one.head == Head(2, one.commit_id)
            assert list(loaded(client, "t").commits) == [stored(one)]
            assert client.heads(["t"])["t"].head == one.head
            assert client.heads(["t"])["t"].status == "paused"
            assert [run.index for run in client.find(RunQuery()).runs] == [one.index]

    def test_continues_the_revisions_without_a_gap(self, storage: Storage) -> None:
        first = append("t", NO_HEAD, "a", "b", "c")
        second = append("t", first.head, "d")
        third = append("t", second.head, "e", "f")
        write(storage, first, second, third)
        assert [(c.rev, c.count) for c in commits_of(storage, "t")] == [(1, 3), (4, 1), (5, 2)]
        assert loaded(storage, "t").head.rev == 6

    def test_names_the_commit_that_it_followed(self, storage: Storage) -> None:
        one, two, three = history(storage, "t", "a", "b", "c")
        chain = [(c.previous, c.commit_id) for c in commits_of(storage, "t")]
        assert chain == [(0, one.commit_id), (one.commit_id, two.commit_id), (two.commit_id, three.commit_id)]

    def test_replaces_the_index_row(self, storage: Storage) -> None:
        first = append("t", status="running")
        write(storage, first, append("t", first.head, status="completed", wake_at=None, ended_at=7, needs=()))
        (listed,) = storage.find(RunQuery()).runs
        assert listed.index == row(status="completed", wake_at=None, ended_at=7, needs=())

    def test_is_dated_by_the_stores_clock(self, storage: Storage) -> None:
        before = storage.clock()
        write(storage, append("t"))
        (listed,) = storage.find(RunQuery()).runs
        assert before <= listed.updated_at <= storage.clock()

    def test_may_append_to_as_many_threads_as_the_adapter_declares(self, storage: Storage) -> None:
        appends = tuple(append(f"t{i}") for i in range(min(storage.capabilities.max_appends, 200)))
        assert storage.commit([Commit(appends)]) == [COMMITTED]
        assert set(storage.heads([a.thread_id for a in appends])) == {a.thread_id for a in appends}

    def test_of_the_largest_size_is_taken(self, storage: Storage) -> None:
        one = replace(append("t"), body='["' + "x" * (MAX_COMMIT_BYTES - 4) + '"]')
        write(storage, one)
        assert commits_of(storage, "t") == [stored(one)]

    def test_takes_no_commits_at_all_for_an_answer(self, storage: Storage) -> None:
        assert list(storage.commit([])) == []


class TestTheFence:
    def test_refuses_a_head_that_has_moved_on(self, storage: Storage) -> None:
        one, two = history(storage, "t", "a", "b")
        assert commit_one(storage, append("t", one.head)) == Conflict(("t",))
        assert loaded(storage, "t").head == two.head

    def test_refuses_a_head_with_the_right_revision_of_another_commit(self, storage: Storage) -> None:
        (one,) = history(storage, "t", "a")
        foreign = Head(one.head.rev, one.commit_id ^ 1)
        assert commit_one(storage, append("t", foreign)) == Conflict(("t",))

    def test_refuses_a_head_that_the_thread_has_not_reached(self, storage: Storage) -> None:
        (one,) = history(storage, "t", "a")
        assert commit_one(storage, append("t", Head(one.head.rev + 1, one.commit_id))) == Conflict(("t",))

    def test_refuses_to_start_a_thread_that_exists(self, storage: Storage) -> None:
        (one,) = history(storage, "t", "a")
        assert commit_one(storage, append("t")) == Conflict(("t",))
        assert commits_of(storage, "t") == [stored(one)]

    def test_refuses_to_continue_a_thread_that_does_not_exist(self, storage: Storage) -> None:
        assert commit_one(storage, append("t", Head(1, 77))) == Conflict(("t",))
        assert storage.heads(["t"]) == {}

    def test_lets_one_of_many_writers_through_at_each_revision(self, world: World) -> None:
        storage = world.open()
        write(storage, append("t"))
        accepted_by_each = 4

        def writer(client: Storage) -> list[Head]:
            mine: list[Head] = []
            while len(mine) < accepted_by_each:
                one = append("t", client.heads(["t"])["t"].head)
                match commit_one(client, one):
                    case Committed():
                        mine.append(one.head)
                    case Conflict() | Busy():
                        pass
                    case Refused(error):
                        raise error
            return mine

        clients = [storage, storage, world.open(), world.open()]
        with ThreadPoolExecutor(len(clients)) as pool:
            accepted = [head for heads in pool.map(writer, clients) for head in heads]
        commits = commits_of(storage, "t")
        assert [c.rev for c in commits] == list(range(1, 2 + len(accepted)))
        assert all(before.commit_id == after.previous for before, after in pairwise(commits))
        assert sorted(accepted) == [c.head for c in commits[1:]]

    def test_lets_one_of_many_starts_of_a_thread_through(self, world: World) -> None:
        clients = [world.open() for _ in range(4)]
        starts = [append("t", NO_HEAD, f"start {i}") for i in range(4)]
        with ThreadPoolExecutor(4) as pool:
            results = list(pool.map(commit_one, clients, starts))
        assert results.count(COMMITTED) == 1
        assert commits_of(clients[0], "t") == [stored(starts[results.index(COMMITTED)])]


class TestACommitOfSeveralAppends:
    def test_takes_effect_on_all_threads(self, storage: Storage) -> None:
        (one,) = history(storage, "a", "x")
        both = (append("a", one.head), append("b"))
        assert storage.commit([Commit(both)]) == [COMMITTED]
        assert [storage.heads(["a", "b"])[key].head for key in "ab"] == [both[0].head, both[1].head]

    @pytest.mark.parametrize("stale", ["a", "b", "c"])
    def test_takes_effect_on_none_where_one_is_fenced_off(self, storage: Storage, stale: str) -> None:
        old = {key: history(storage, key, "x", "y") for key in "abc"}
        listed = storage.find(RunQuery()).runs
        appends = tuple(append(key, old[key][0 if key == stale else 1].head, status="paused") for key in "abc")
        assert storage.commit([Commit(appends, nudges=("a",))]) == [Conflict((stale,))]
        assert {key: commits_of(storage, key) for key in "abc"} == {
            key: [stored(one) for one in old[key]] for key in "abc"
        }
        assert storage.find(RunQuery()).runs == listed
        assert storage.heads(["a"])["a"].nudges == 0

    def test_leaves_no_new_thread_behind_where_another_is_fenced_off(self, storage: Storage) -> None:
        history(storage, "parent", "x")
        result = storage.commit([Commit((append("child"), append("parent", Head(9, 9))))])
        assert result == [Conflict(("parent",))]
        assert storage.heads(["child"]) == {}
        assert storage.load(["child"]) == {}
        assert list(storage.read("child")) == []
        assert [run.thread_id for run in storage.find(RunQuery()).runs] == ["parent"]


class TestAGroupOfCommits:
    def test_is_judged_one_by_one_and_answered_in_order(self, storage: Storage) -> None:
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

    def test_may_be_larger_than_the_adapter_likes(self, storage: Storage) -> None:
        count = storage.capabilities.max_group + 3
        results = storage.commit([Commit((append(f"t{i:04}"),)) for i in range(count)])
        assert list(results) == [COMMITTED] * count
        assert len(storage.heads([f"t{i:04}" for i in range(count)])) == count


class TestARefusedCommit:
    def test_leaves_no_trace(self, storage: Storage) -> None:
        write(storage, append("t", NO_HEAD, "kept", status="running", wake_at=FAR_FUTURE))
        before = (storage.load(["t"]), storage.heads(["t"]), storage.find(RunQuery()), commits_of(storage, "t"))
        stale = append("t", Head(5, 5), "lost", status="completed")
        assert storage.commit([Commit((stale,), nudges=("t",))]) == [Conflict(("t",))]
        assert (storage.load(["t"]), storage.heads(["t"]), storage.find(RunQuery()), commits_of(storage, "t")) == before
        assert due_ids(storage) == []

    def test_keeps_the_reservation_and_the_parking_of_its_thread(self, storage: Storage) -> None:
        write(storage, append("reserved"), append("parked"))
        storage.reserve("parked", until=FAR_FUTURE, reason="step_unavailable")
        assert due_ids(storage, reserve_for=HOUR) == ["reserved"]
        assert commit_one(storage, append("reserved")) == Conflict(("reserved",))
        assert commit_one(storage, append("parked")) == Conflict(("parked",))
        assert due_ids(storage) == []

    def test_for_its_size_harms_no_other(self, storage: Storage) -> None:
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
    def test_for_a_body_that_no_codec_writes_harms_no_other(self, storage: Storage, body: str) -> None:
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

    def test_for_a_thread_that_it_names_twice_leaves_no_trace(self, storage: Storage) -> None:
        first = append("t")
        try:
            (result,) = storage.commit([Commit((append("beside"), first, append("t", first.head)))])
        except SquidieError:
            pass
        else:
            assert isinstance(result, Refused)
        assert storage.heads(["t", "beside"]) == {}


class TestResubmission:
    """After a lost response the identical commits are given again; that finds out what happened."""

    def test_of_what_took_effect_is_committed_without_a_second_effect(self, storage: Storage) -> None:
        commit = Commit((append("t", NO_HEAD, "a", "b"),))
        assert storage.commit([commit]) == [COMMITTED]
        before = (storage.load(["t"]), storage.find(RunQuery()))
        assert storage.commit([commit]) == [COMMITTED]
        assert (storage.load(["t"]), storage.find(RunQuery())) == before

    def test_of_several_appends_that_took_effect_is_committed(self, storage: Storage) -> None:
        commit = Commit((append("a"), append("b")))
        assert storage.commit([commit]) == [COMMITTED]
        assert storage.commit([commit]) == [COMMITTED]
        assert len(commits_of(storage, "a")) == len(commits_of(storage, "b")) == 1

    def test_is_committed_though_the_thread_has_moved_on_and_does_not_set_it_back(self, storage: Storage) -> None:
        one = append("t", NO_HEAD, "one", status="running")
        two = append("t", one.head, "two", status="completed", wake_at=None)
        write(storage, one, two)
        assert commit_one(storage, one) == COMMITTED
        assert loaded(storage, "t").head == two.head
        assert storage.heads(["t"])["t"].status == "completed"
        assert due_ids(storage) == []

    def test_of_what_took_effect_does_not_lift_a_reservation(self, storage: Storage) -> None:
        one = append("t")
        write(storage, one)
        assert due_ids(storage, reserve_for=HOUR) == ["t"]
        assert commit_one(storage, one) == COMMITTED
        assert due_ids(storage) == []

    def test_does_not_nudge_again(self, storage: Storage) -> None:
        write(storage, append("parent"))
        commit = Commit((append("child"),), nudges=("parent",))
        assert storage.commit([commit]) == [COMMITTED]
        assert storage.commit([commit]) == [COMMITTED]
        assert storage.heads(["parent"])["parent"].nudges == 1

    def test_of_what_never_arrived_takes_effect(self, storage: Storage) -> None:
        arrived, lost = Commit((append("a"),)), Commit((append("b"), append("c")))
        assert storage.commit([arrived]) == [COMMITTED]
        assert storage.commit([arrived, lost]) == [COMMITTED, COMMITTED]
        assert all(len(commits_of(storage, key)) == 1 for key in "abc")

    def test_is_a_conflict_where_another_took_the_revision(self, storage: Storage) -> None:
        (one,) = history(storage, "t", "x")
        mine, theirs = append("t", one.head, "mine"), append("t", one.head, "theirs")
        write(storage, theirs)
        assert commit_one(storage, mine) == Conflict(("t",))
        write(storage, append("t", theirs.head))
        assert commit_one(storage, mine) == Conflict(("t",))


class TestAfterACommit:
    def test_a_reserved_run_is_free_again(self, storage: Storage) -> None:
        write(storage, append("t"))
        (run,) = storage.due("default", offers=["ring-errand:*"], limit=1, reserve_for=HOUR).runs
        write(storage, append("t", run.head))
        assert due_ids(storage) == ["t"]

    def test_a_parked_run_takes_part_again(self, storage: Storage) -> None:
        (one,) = history(storage, "t", "a")
        storage.reserve("t", until=FAR_FUTURE, reason="step_unavailable")
        write(storage, append("t", one.head))
        status = storage.heads(["t"])["t"]
        assert (status.parked_until, status.park_reason) == (None, None)
        (run,) = storage.due("default", offers=["ring-errand:*"], limit=1, reserve_for=0).runs
        assert run.parked == 0

    def test_a_run_without_a_time_is_not_due(self, storage: Storage) -> None:
        (one,) = history(storage, "t", "a")
        write(storage, append("t", one.head, wake_at=None))
        assert due_ids(storage) == []

    def test_a_run_is_due_when_its_index_row_says(self, world: World) -> None:
        storage = world.open()
        (one,) = history(storage, "t", "a")
        later = storage.clock() + 20
        write(storage, append("t", one.head, wake_at=later))
        world.wait_until(later)
        assert due_ids(storage) == ["t"]
