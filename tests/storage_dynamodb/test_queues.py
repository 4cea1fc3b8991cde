"""The due index: entries that are wrong are corrected, and workers do not all run after the same runs."""

from __future__ import annotations

from typing import Any

import pytest

from squidie_contract.engine.appends import (
    FAR_FUTURE,
    HOUR,
    LONG_AGO,
    OFFERS,
    append,
    commit_one,
    due_ids,
    nudge,
    write,
)
from squidie_core.journal.commit import COMMITTED, Commit, Conflict
from squidie_storage_dynamodb import DynamodbStorage
from squidie_storage_dynamodb.due import OLDEST_FIRST_EVERY
from squidie_storage_dynamodb.keys import HEAD, SHARDS, shard
from tests.storage_dynamodb.stores import Open, group, items_of
from tests.storage_dynamodb.wire import Wire


def entry(storage: DynamodbStorage, thread_id: str) -> object:
    """Where the due index has the run."""
    (head,) = [item for item in items_of(storage, thread_id) if item["sk"] == HEAD]
    return head.get("due")


class TestEntriesThatAreWrong:
    def test_of_a_parked_run_that_was_nudged_are_corrected_once(self, storage: DynamodbStorage, watched: Wire) -> None:
        write(storage, append("t"))
        storage.reserve("t", until=FAR_FUTURE, reason="step_unavailable")
        parked = entry(storage, "t")
        nudge(storage, "t")
        assert entry(storage, "t") != parked
        for corrections in (1, 0):
            watched.clear()
            assert due_ids(storage) == []
            assert watched.operations().count("UpdateItem") == corrections
        assert entry(storage, "t") == parked

    def test_of_a_quarantined_run_that_was_nudged_are_taken_away(self, storage: DynamodbStorage) -> None:
        write(storage, append("t"))
        storage.quarantine("t", reason="unreadable", by="operator")
        assert entry(storage, "t") is None
        nudge(storage, "t")
        assert entry(storage, "t") is not None
        assert due_ids(storage) == []
        assert entry(storage, "t") is None

    def test_are_not_corrected_where_the_run_has_moved_on_since_it_was_looked_at(
        self, open_: Open, storage: DynamodbStorage, watched: Wire
    ) -> None:
        one = append("t")
        write(storage, one)
        storage.reserve("t", until=FAR_FUTURE, reason="step_unavailable")
        nudge(storage, "t")
        other = open_()

        def overtake(request: Any) -> None:
            write(other, append("t", one.head))
            del request

        watched.trouble("UpdateItem", overtake)
        due_ids(storage)
        assert watched.calm
        assert due_ids(storage) == ["t"]


class TestParts:
    def test_runs_are_spread_over_all_of_them(self) -> None:
        assert {shard(f"run {i}") for i in range(200)} == set(range(SHARDS))

    def test_many_runs_that_nobody_here_can_advance_are_passed_over(self, storage: DynamodbStorage) -> None:
        storage.commit([Commit((append(f"gone {i}", priority=0, needs=("ring-errand:gone",)),)) for i in range(300)])
        write(storage, append("able", priority=5, wake_at=LONG_AGO + 1))
        assert due_ids(storage, limit=1) == ["able"]

    def test_the_best_of_many_are_given_whatever_part_they_are_in(self, storage: DynamodbStorage) -> None:
        storage.commit([Commit((append(f"r{i:03}", wake_at=LONG_AGO + i),)) for i in range(120)])
        write(storage, append("hurried", priority=0, wake_at=LONG_AGO + 999))
        assert due_ids(storage, limit=11) == ["hurried", *(f"r{i:03}" for i in range(10))]

    def test_the_longest_due_of_every_priority_come_first_now_and_then(self, storage: DynamodbStorage) -> None:
        storage.commit(
            [Commit((append(f"p{i % 10} {i}", priority=i % 10, wake_at=LONG_AGO + 100 - i),)) for i in range(100)]
        )
        polls = [due_ids(storage, limit=4) for _ in range(8)]
        assert all(poll == ["p0 90", "p0 80", "p0 70", "p0 60"] for poll in polls[:7])
        assert polls[7] == ["p9 99", "p8 98", "p7 97", "p6 96"]


class TestWorkersThatRace:
    """Nothing in DynamoDB says that a run is about to be claimed."""

    def test_who_lost_looks_elsewhere_next(self, open_: Open, storage: DynamodbStorage) -> None:
        write(storage, append("t", wake_at=1))
        storage.commit([Commit((append(f"r{i:03}", wake_at=LONG_AGO + i),)) for i in range(200)])
        orderly = [f"r{i:03}" for i in range(6)]
        assert due_ids(storage, limit=7) == ["t", *orderly]
        assert commit_one(storage, append("t")) == Conflict(("t",))
        polls = {poll: due_ids(storage, limit=1) for poll in range(2, 3 * SHARDS)}
        by_priority = [shard(run) for poll, (run,) in polls.items() if poll % OLDEST_FIRST_EVERY]
        assert set(by_priority) == set(range(SHARDS))
        assert due_ids(open_(), limit=7) == ["t", *orderly]

    def test_two_workers_that_take_turns_claim_everything_once(self, open_: Open, storage: DynamodbStorage) -> None:
        commits = group(60)
        storage.commit(commits)
        workers = [storage, open_()]
        claimed: list[str] = []
        turns = 0
        while len(claimed) < 60:
            worker = workers[turns % 2]
            turns += 1
            runs = worker.due("default", offers=OFFERS, limit=8, reserve_for=HOUR).runs
            results = worker.commit([Commit((append(run.thread_id, run.head, wake_at=None),)) for run in runs])
            claimed += [run.thread_id for run, result in zip(runs, results, strict=True) if result == COMMITTED]
        assert sorted(claimed) == sorted(one.appends[0].thread_id for one in commits)


class TestReservations:
    def test_are_this_clients_own_and_written_nowhere(
        self, open_: Open, storage: DynamodbStorage, watched: Wire
    ) -> None:
        write(storage, append("t"))
        before = items_of(storage, "t")
        watched.clear()
        assert due_ids(storage, reserve_for=HOUR) == ["t"]
        assert {name for name in watched.operations() if name not in ("Query", "BatchGetItem")} == set()
        assert items_of(storage, "t") == before
        assert due_ids(storage) == []
        assert due_ids(open_()) == ["t"]

    @pytest.mark.parametrize("reserve_for", [0, HOUR])
    def test_end_with_the_head_that_they_were_made_for(
        self, open_: Open, storage: DynamodbStorage, reserve_for: int
    ) -> None:
        one = append("t")
        write(storage, one)
        assert due_ids(storage, reserve_for=reserve_for) == ["t"]
        write(open_(), append("t", one.head))
        assert due_ids(storage) == ["t"]
