"""Journals that outgrow their head: they read the same as any other."""

from __future__ import annotations

import secrets
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from squidie_contract.engine.appends import (
    append,
    checkpoint_at,
    commit_one,
    commits_of,
    due_ids,
    fold,
    history,
    loaded,
    stored,
    write,
)
from squidie_core.errors import TooLarge, Unavailable
from squidie_core.journal.codec import MAX_COMMIT_BYTES
from squidie_core.journal.commit import COMMITTED, NO_HEAD, Append, Commit, Head, Refused
from squidie_storage_dynamodb import DynamodbStorage
from squidie_storage_dynamodb.appending import TAIL_BYTES
from squidie_storage_dynamodb.keys import HEAD
from tests.storage_dynamodb.stores import Open, items_of
from tests.storage_dynamodb.wire import Wire

sizes = st.sampled_from([10, 300, 900, 2_000, 4_000, 200_000])


def body_of(size: int) -> str:
    """Text that nothing makes much smaller."""
    return secrets.token_urlsafe(size)[:size]


def long_history(storage: DynamodbStorage, thread_id: str, *lengths: int) -> list[Append]:
    return history(storage, thread_id, *(body_of(length) for length in lengths))


class TestALongRun:
    @settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(lengths=st.lists(sizes, min_size=1, max_size=14), data=st.data())
    def test_reads_as_it_was_written_from_any_place(
        self, storage: DynamodbStorage, lengths: list[int], data: st.DataObject
    ) -> None:
        thread_id = secrets.token_hex(8)
        written = long_history(storage, thread_id, *lengths)
        expected = [stored(one) for one in written]
        assert commits_of(storage, thread_id) == expected
        assert list(loaded(storage, thread_id).commits) == expected
        place = data.draw(st.integers(0, len(written)))
        known = NO_HEAD if place == 0 else written[place - 1].head
        tail = storage.load([thread_id], known={thread_id: known})[thread_id]
        assert (list(tail.commits), tail.head) == (expected[place:], written[-1].head)
        limit = data.draw(st.integers(0, len(written) + 1))
        assert list(storage.read(thread_id, after=place, limit=limit)) == expected[place:][:limit]

    def test_keeps_its_head_small(self, storage: DynamodbStorage) -> None:
        long_history(storage, "t", *([500] * 30), 50_000, *([500] * 10))
        (head,) = [item for item in items_of(storage, "t") if item["sk"] == HEAD]
        assert sum(map(len, head["tail"])) == head["tail_bytes"] <= TAIL_BYTES

    def test_that_says_the_same_again_and_again_stays_in_one_item(self, storage: DynamodbStorage) -> None:
        written = history(storage, "t", *(f"step {i}" for i in range(60)))
        assert [item["sk"] for item in items_of(storage, "t")] == [HEAD]
        assert commits_of(storage, "t") == [stored(one) for one in written]

    def test_refuses_a_stale_append_and_knows_its_own_in_every_part(self, storage: DynamodbStorage) -> None:
        written = long_history(storage, "t", *([700] * 12), 40_000, *([700] * 3))
        for before, one in pairwise(written):
            assert commit_one(storage, one) == COMMITTED
            assert commit_one(storage, replace(one, commit_id=one.commit_id ^ 1)).__class__.__name__ == "Conflict"
            assert before.head == one.expected
        assert commits_of(storage, "t") == [stored(one) for one in written]

    def test_may_have_a_checkpoint_at_any_of_its_commits(self, storage: DynamodbStorage) -> None:
        written = long_history(storage, "t", *([700] * 12))
        for end in range(1, len(written) + 1):
            storage.put_checkpoint("t", checkpoint_at(written[:end]))
            thread = loaded(storage, "t")
            assert thread.checkpoint == checkpoint_at(written[:end])
            assert fold(thread) == [one.body for one in written]

    def test_is_not_misled_by_a_foreign_checkpoint_and_takes_a_good_one_in_its_place(
        self, storage: DynamodbStorage
    ) -> None:
        written = long_history(storage, "t", *([700] * 12))
        storage.put_checkpoint("t", replace(checkpoint_at(written), head=Head(99, 1)))
        assert fold(loaded(storage, "t")) == [one.body for one in written]
        storage.put_checkpoint("t", checkpoint_at(written))
        assert loaded(storage, "t").checkpoint == checkpoint_at(written)

    def test_of_several_threads_written_together_moves_each_out_by_itself(self, storage: DynamodbStorage) -> None:
        last = {key: append(key, NO_HEAD, body_of(800)) for key in "abc"}
        written = {key: [one] for key, one in last.items()}
        assert storage.commit([Commit(tuple(last.values()))]) == [COMMITTED]
        for turn in range(10):
            last = {key: append(key, one.head, body_of(900 if key == "a" else 100 * turn)) for key, one in last.items()}
            assert storage.commit([Commit(tuple(last.values()))]) == [COMMITTED]
            for key, one in last.items():
                written[key].append(one)
        for key, appends in written.items():
            assert commits_of(storage, key) == [stored(one) for one in appends]


class TestALargeCommit:
    def test_takes_several_items(self, storage: DynamodbStorage) -> None:
        one = replace(append("t"), body=f'["{body_of(MAX_COMMIT_BYTES - 4)}"]')
        two = replace(append("t", one.head), body=f'["{body_of(MAX_COMMIT_BYTES - 4)}"]')
        write(storage, one, two, append("t", two.head))
        assert commits_of(storage, "t")[:2] == [stored(one), stored(two)]
        assert len(items_of(storage, "t")) > 3

    def test_may_be_one_of_several_appends(self, storage: DynamodbStorage) -> None:
        (one,) = history(storage, "a", "x")
        large = append("a", one.head, body_of(200_000))
        both = Commit((large, append("b", NO_HEAD, body_of(200_000))))
        assert storage.commit([both]) == [COMMITTED]
        assert [commits_of(storage, a.thread_id)[-1] for a in both.appends] == [stored(a) for a in both.appends]

    def test_that_is_fenced_off_leaves_nothing_behind(self, storage: DynamodbStorage) -> None:
        (one,) = history(storage, "t", "a")
        foreign = Head(one.head.rev, one.commit_id ^ 1)
        assert commit_one(storage, append("t", foreign, body_of(200_000))) != COMMITTED
        assert [item["sk"] for item in items_of(storage, "t")] == [HEAD]

    def test_beyond_what_a_transaction_holds_is_refused(self, storage: DynamodbStorage) -> None:
        appends = tuple(replace(append(f"t{i}"), body=f'["{body_of(1_000_000)}"]') for i in range(9))
        (result,) = storage.commit([Commit(appends)])
        assert isinstance(result, Refused)
        assert isinstance(result.error, TooLarge)
        assert storage.heads([one.thread_id for one in appends]) == {}

    def test_of_too_many_appends_is_refused(self, storage: DynamodbStorage) -> None:
        most = storage.capabilities.max_appends
        (result,) = storage.commit([Commit(tuple(append(f"t{i}") for i in range(most + 1)))])
        assert isinstance(result, Refused)
        assert isinstance(result.error, TooLarge)

    def test_with_more_nudges_than_a_transaction_holds_nudges_them_all(self, storage: DynamodbStorage) -> None:
        parents = [f"parent {i}" for i in range(60)]
        storage.commit([Commit((append(name, wake_at=None),)) for name in parents])
        children = tuple(append(f"child {i}", wake_at=None) for i in range(storage.capabilities.max_appends))
        assert storage.commit([Commit(children, nudges=tuple(parents))]) == [COMMITTED]
        assert {status.nudges for status in storage.heads(parents).values()} == {1}
        assert sorted(due_ids(storage)) == sorted(parents)


class TestAnIndexRowThatIsTooLarge:
    def test_is_refused_and_harms_no_other(self, storage: DynamodbStorage) -> None:
        huge = append("huge", tags=tuple(body_of(4_000) for _ in range(120)))
        good, refused = storage.commit([Commit((append("good"),)), Commit((huge,))])
        assert good == COMMITTED
        assert isinstance(refused, Refused)
        assert isinstance(refused.error, TooLarge)

    @pytest.mark.parametrize("name", ["x" * 901, "\ud800", ""])
    def test_a_thread_id_that_no_key_can_hold_is_refused_and_unknown(self, storage: DynamodbStorage, name: str) -> None:
        (result,) = storage.commit([Commit((append(name),))])
        assert isinstance(result, Refused)
        assert (storage.load([name]), storage.heads([name])) == ({}, {})
        assert list(storage.read(name)) == []
        assert not storage.unquarantine(name)
        storage.reserve(name, until=1, reason="none")
        storage.delete_checkpoint(name)


class TestAReader:
    def test_is_given_no_more_than_its_head_though_others_write_meanwhile(
        self, open_: Open, storage: DynamodbStorage, watched: Wire
    ) -> None:
        written = long_history(storage, "t", *([700] * 9))
        other = open_()

        def write_on(request: Any) -> None:
            last = written[-1]
            for length in (40_000, 700, 700, 700, 700, 700):
                last = append("t", last.head, body_of(length))
                write(other, last)
            del request

        watched.trouble("Query", write_on)
        thread = loaded(storage, "t")
        assert watched.calm
        assert (thread.head, list(thread.commits)) == (written[-1].head, [stored(one) for one in written])

    def test_finds_the_namespace_at_the_beginning_of_every_key(self, storage: DynamodbStorage) -> None:
        long_history(storage, "t", *([700] * 9))
        keys = [
            item[name]
            for item in items_of(storage, "t")
            for name in ("pk", "home", "due_queue", "queue_key")
            if name in item
        ]
        assert len(keys) > 4
        assert all(key.startswith(f"{storage.namespace}/") for key in keys)


class TestMovingOut:
    def test_by_two_writers_at_once_loses_nothing(self, open_: Open, storage: DynamodbStorage, watched: Wire) -> None:
        """One moves the tail to a segment, and another writes before it can say so."""
        written = long_history(storage, "t", 700, 700, 700)
        other = open_()
        theirs = append("t", written[-1].head, body_of(700))

        def overtake(request: Any) -> None:
            watched.deliver(request)
            write(other, theirs)
            watched.drop(request)

        watched.trouble("PutItem", overtake)
        mine = append("t", written[-1].head, body_of(1_500))
        assert commit_one(storage, mine) != COMMITTED
        assert watched.calm
        later = append("t", theirs.head, body_of(2_000))
        write(storage, later)
        assert commits_of(storage, "t") == [stored(one) for one in (*written, theirs, later)]

    def test_that_was_cut_short_is_done_by_the_next_writer(
        self, open_: Open, storage: DynamodbStorage, watched: Wire
    ) -> None:
        written = long_history(storage, "t", 900, 900, 900, 900, 900)
        last = written[-1]
        storage.table.calls.retry_for = 0.05
        watched.trouble("UpdateItem", watched.drop, times=99, after=1)
        cut_short = append("t", last.head, body_of(2_500))
        before = len(items_of(storage, "t"))
        with pytest.raises(Unavailable):
            storage.commit([Commit((cut_short,))])
        assert len(items_of(storage, "t")) == before + 1
        after = append("t", last.head, "small")
        write(open_(), after)
        assert commits_of(storage, "t") == [stored(one) for one in (*written, after)]
