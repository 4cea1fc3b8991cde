"""What an operation costs in requests, counted at the wire."""

from __future__ import annotations

import secrets
from collections import Counter

import pytest

from squidie_contract.engine.appends import FAR_FUTURE, OFFERS, append, checkpoint_at, history, write
from squidie_core.journal.commit import COMMITTED, Commit, Conflict, Head
from squidie_core.ports.storage import RunQuery
from squidie_storage_dynamodb import DynamodbStorage
from tests.storage_dynamodb.stores import followed, group
from tests.storage_dynamodb.wire import Wire


class TestCommit:
    def test_of_a_start_is_one_write_of_one_item(self, storage: DynamodbStorage, watched: Wire) -> None:
        write(storage, append("t"))
        assert watched.operations() == ["PutItem"]

    def test_of_an_append_is_one_write_of_one_item(self, storage: DynamodbStorage, watched: Wire) -> None:
        (one,) = history(storage, "t", "a")
        watched.clear()
        write(storage, append("t", one.head))
        assert watched.operations() == ["UpdateItem"]

    def test_of_a_group_is_one_request_for_each(self, storage: DynamodbStorage, watched: Wire) -> None:
        first = group(40)
        storage.commit(first)
        watched.clear()
        assert set(storage.commit([*followed(first), *group(40, prefix="s")])) == {COMMITTED}
        assert Counter(watched.operations()) == {"UpdateItem": 40, "PutItem": 40}

    def test_of_several_appends_is_one_transaction(self, storage: DynamodbStorage, watched: Wire) -> None:
        many = Commit(tuple(append(f"t{i}") for i in range(50)))
        assert storage.commit([many]) == [COMMITTED]
        assert watched.operations() == ["TransactWriteItems"]

    def test_with_nudges_is_one_transaction(self, storage: DynamodbStorage, watched: Wire) -> None:
        write(storage, append("parent"))
        watched.clear()
        assert storage.commit([Commit((append("child"),), nudges=("parent",))]) == [COMMITTED]
        assert watched.operations() == ["TransactWriteItems"]

    def test_that_is_refused_needs_no_further_look(self, storage: DynamodbStorage, watched: Wire) -> None:
        history(storage, "t", "a", "b")
        watched.clear()
        assert storage.commit([Commit((append("t", Head(1, 7)),))]) == [Conflict(("t",))]
        assert watched.operations() == ["UpdateItem"]

    def test_that_took_effect_before_needs_no_further_look(self, storage: DynamodbStorage, watched: Wire) -> None:
        one = append("t")
        write(storage, one)
        write(storage, append("t", one.head))
        watched.clear()
        write(storage, one)
        assert watched.operations() == ["PutItem"]

    def test_to_a_full_head_packs_it_with_one_more_request(self, storage: DynamodbStorage, watched: Wire) -> None:
        (last,) = history(storage, "t", "x")
        seen: Counter[tuple[str, ...]] = Counter()
        for _ in range(40):
            watched.clear()
            last = append("t", last.head)
            write(storage, last)
            seen[tuple(watched.operations())] += 1
        assert set(seen) == {("UpdateItem",), ("UpdateItem", "UpdateItem")}
        assert seen["UpdateItem", "UpdateItem"] <= 4

    def test_to_a_head_that_packing_does_not_make_smaller_moves_it_out(
        self, storage: DynamodbStorage, watched: Wire
    ) -> None:
        (last,) = history(storage, "t", "x")
        seen: set[tuple[str, ...]] = set()
        for _ in range(8):
            watched.clear()
            last = append("t", last.head, secrets.token_hex(700))
            write(storage, last)
            seen.add(tuple(watched.operations()))
        assert seen == {("UpdateItem",), ("UpdateItem", "PutItem", "UpdateItem")}

    def test_of_a_large_append_looks_once_and_is_one_transaction(self, storage: DynamodbStorage, watched: Wire) -> None:
        (one,) = history(storage, "t", "a")
        watched.clear()
        write(storage, append("t", one.head, secrets.token_hex(50_000)))
        assert watched.operations() == ["BatchGetItem", "TransactWriteItems"]

    def test_of_a_large_start_is_one_transaction(self, storage: DynamodbStorage, watched: Wire) -> None:
        write(storage, append("t", Head(0, 0), secrets.token_hex(50_000)))
        assert watched.operations() == ["TransactWriteItems"]


class TestReading:
    def test_heads_and_small_threads_take_one_request_for_each_hundred(
        self, storage: DynamodbStorage, watched: Wire
    ) -> None:
        names = [one.appends[0].thread_id for one in group(150)]
        storage.commit(group(150))
        watched.clear()
        assert len(storage.heads(names[:100])) == 100
        assert watched.operations() == ["BatchGetItem"]
        watched.clear()
        assert len(storage.load(names)) == 150
        assert watched.operations() == ["BatchGetItem"] * 2

    def test_each_long_thread_takes_one_more_unless_its_end_is_all_that_is_asked_for(
        self, storage: DynamodbStorage, watched: Wire
    ) -> None:
        noise = [secrets.token_hex(600) for _ in range(8)]
        last = {key: history(storage, key, *noise)[-2].head for key in ("a", "b")}
        watched.clear()
        storage.load(["a", "b"])
        assert Counter(watched.operations()) == {"BatchGetItem": 1, "Query": 2}
        watched.clear()
        storage.load(["a", "b"], known=last)
        assert watched.operations() == ["BatchGetItem"]

    def test_a_checkpoint_takes_one_more(self, storage: DynamodbStorage, watched: Wire) -> None:
        written = history(storage, "t", *(secrets.token_hex(600) for _ in range(8)))
        storage.put_checkpoint("t", checkpoint_at(written[:-1]))
        watched.clear()
        assert storage.load(["t"])["t"].checkpoint is not None
        assert watched.operations() == ["BatchGetItem", "BatchGetItem"]

    def test_reading_a_short_thread_takes_one_request(self, storage: DynamodbStorage, watched: Wire) -> None:
        history(storage, "t", "a", "b", "c")
        watched.clear()
        assert len(storage.read("t")) == 3
        assert watched.operations() == ["GetItem"]


class TestDue:
    @pytest.mark.parametrize(("found", "verifying"), [(0, 0), (1, 1), (20, 1)])
    def test_asks_each_part_of_the_queue_once_and_verifies_in_one_request(
        self, storage: DynamodbStorage, watched: Wire, found: int, verifying: int
    ) -> None:
        storage.commit(group(found))
        watched.clear()
        batch = storage.due("default", offers=OFFERS, limit=64, reserve_for=0)
        assert [run.loaded is not None for run in batch.runs] == [True] * found
        assert Counter(watched.operations()) == Counter({"Query": 8, "BatchGetItem": verifying})

    def test_asks_once_more_for_what_lies_behind_sleepers(self, storage: DynamodbStorage, watched: Wire) -> None:
        write(storage, append("asleep", wake_at=FAR_FUTURE))
        watched.clear()
        assert not storage.due("default", offers=OFFERS, limit=64, reserve_for=0).runs
        assert Counter(watched.operations()) == {"Query": 9}


class TestListing:
    def test_asks_each_part_once_and_reads_the_heads(self, storage: DynamodbStorage, watched: Wire) -> None:
        storage.commit(group(30))
        watched.clear()
        assert len(storage.find(RunQuery(limit=10)).runs) == 10
        assert Counter(watched.operations()) == {"Query": 8, "BatchGetItem": 1}


class TestTheRest:
    def test_parking_and_quarantine_are_a_look_and_a_write(self, storage: DynamodbStorage, watched: Wire) -> None:
        write(storage, append("t"))
        watched.clear()
        storage.reserve("t", until=FAR_FUTURE, reason="step_unavailable")
        storage.quarantine("t", reason="unreadable", by="operator")
        assert watched.operations() == ["GetItem", "UpdateItem"] * 2

    def test_blobs_are_one_request(self, storage: DynamodbStorage, watched: Wire) -> None:
        storage.put_blob("one", "1")
        storage.put_blob("two", "2")
        assert storage.get_blobs(["one", "two", "three"]) == {"one": "1", "two": "2"}
        assert watched.operations() == ["PutItem", "PutItem", "BatchGetItem"]

    def test_the_clock_costs_nothing(self, storage: DynamodbStorage, watched: Wire) -> None:
        storage.clock()
        assert watched.operations() == []
