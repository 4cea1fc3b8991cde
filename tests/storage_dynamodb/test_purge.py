"""What purging leaves in the table: a tombstone, and nothing else, however often it was cut short."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from squidie_contract.engine.appends import LONG_AGO, append, commit_one, commits_of, history, stored, write
from squidie_core.errors import Unavailable
from squidie_core.journal.commit import COMMITTED, Checkpoint, Conflict
from squidie_storage_dynamodb import DynamodbStorage
from squidie_storage_dynamodb.expressions import Update
from squidie_storage_dynamodb.keys import HEAD
from tests.storage_dynamodb.stores import Open, items_of
from tests.storage_dynamodb.wire import Wire

ENDED = LONG_AGO + 10
EVER = 2**52


def ended(storage: DynamodbStorage, thread_id: str, *, commits: int) -> None:
    """A run that is over."""
    noise = [secrets.token_urlsafe(700) for _ in range(commits - 1)]
    *_, last = history(storage, thread_id, "begun", *noise, status="running")
    write(storage, append(thread_id, last.head, status="completed", ended_at=ENDED, wake_at=None, needs=()))


def purge(storage: DynamodbStorage, *, remember_until: int = EVER) -> list[str]:
    return list(storage.purge(before=ENDED + 1, statuses=["completed"], remember_until=remember_until).run_ids)


def lapse(storage: DynamodbStorage, thread_id: str) -> None:
    """Let the time of a tombstone be over."""
    update = Update()
    update.set("expires_at", 1)
    update.set("due", 1)
    storage.table.update(storage.table.keys.head(thread_id), update)


def collect(storage: DynamodbStorage) -> int:
    return storage.purge(before=0, statuses=[], remember_until=EVER).expired


class TestAShortRun:
    def test_goes_with_one_write(self, storage: DynamodbStorage, watched: Wire) -> None:
        ended(storage, "t", commits=3)
        watched.clear()
        assert purge(storage) == ["t"]
        assert [name for name in watched.operations() if name not in ("Query", "BatchGetItem")] == ["PutItem"]
        (left,) = items_of(storage, "t")
        assert left["expires"] > EVER // 1000

    def test_costs_its_tombstone_one_delete(self, storage: DynamodbStorage, watched: Wire) -> None:
        ended(storage, "t", commits=3)
        purge(storage)
        lapse(storage, "t")
        watched.clear()
        assert collect(storage) == 1
        assert watched.operations().count("DeleteItem") == 1
        assert items_of(storage, "t") == []


class TestALongRun:
    def test_leaves_nothing_but_its_tombstone(self, storage: DynamodbStorage) -> None:
        ended(storage, "t", commits=20)
        storage.put_checkpoint("t", Checkpoint(storage.heads(["t"])["t"].head, 1, "[]"))
        assert len(items_of(storage, "t")) > 3
        assert purge(storage) == ["t"]
        (left,) = items_of(storage, "t")
        assert (left["sk"], "rest" in left, "expires" in left) == (HEAD, False, True)

    def test_that_went_only_in_part_is_gone_for_readers_and_starts_and_goes_wholly_later(
        self, open_: Open, storage: DynamodbStorage, watched: Wire
    ) -> None:
        ended(storage, "t", commits=20)
        storage.table.calls.retry_for = 0.05
        watched.trouble("BatchWriteItem", watched.drop, times=99)
        with pytest.raises(Unavailable):
            purge(storage, remember_until=1)
        other = open_()
        assert len(items_of(other, "t")) > 3
        assert (other.load(["t"]), list(other.read("t")), other.heads(["t"])) == ({}, [], {})
        assert set(other.tombstones(["t"])) == {"t"}
        assert commit_one(other, append("t")) == Conflict(("t",))
        assert collect(other) == 1
        assert items_of(other, "t") == []
        again = append("t")
        assert commit_one(other, again) == COMMITTED
        assert commits_of(other, "t") == [stored(again)]

    def test_of_an_earlier_time_never_mixes_with_a_new_one_of_the_same_id(
        self, open_: Open, storage: DynamodbStorage
    ) -> None:
        """Even where its entries are there still."""
        ended(storage, "t", commits=20)
        leftovers = [item for item in items_of(storage, "t") if item["sk"] != HEAD]
        purge(storage, remember_until=1)
        collect(storage)
        for item in leftovers:
            storage.table.put(item)
        written = history(storage, "t", *(secrets.token_urlsafe(700) for _ in range(12)))
        assert commits_of(open_(), "t") == [stored(one) for one in written]

    def test_that_goes_while_it_is_read_is_read_whole_or_not_at_all(
        self, open_: Open, storage: DynamodbStorage, watched: Wire
    ) -> None:
        ended(storage, "t", commits=20)
        other = open_()

        def purge_first(request: Any) -> None:
            assert purge(other) == ["t"]
            del request

        watched.trouble("Query", purge_first)
        assert storage.load(["t"]) == {}
        assert watched.calm

    def test_that_was_touched_meanwhile_stays(self, open_: Open, storage: DynamodbStorage, watched: Wire) -> None:
        ended(storage, "t", commits=3)
        other = open_()

        def quarantine_first(request: Any) -> None:
            other.quarantine("t", reason="a closer look", by="operator")
            del request

        watched.trouble("PutItem", quarantine_first)
        assert purge(storage) == []
        assert storage.heads(["t"])["t"].quarantine_reason == "a closer look"


class TestATombstone:
    def test_is_not_taken_for_a_run_that_has_come_in_its_place(
        self, open_: Open, storage: DynamodbStorage, watched: Wire
    ) -> None:
        ended(storage, "t", commits=2)
        purge(storage)
        lapse(storage, "t")
        other = open_()

        def collect_and_start(request: Any) -> None:
            assert collect(other) == 1
            write(other, append("t"))
            del request

        watched.trouble("DeleteItem", collect_and_start)
        assert collect(storage) == 0
        assert list(storage.heads(["t"])) == ["t"]
