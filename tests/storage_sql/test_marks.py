"""Looks for due runs that begin where the last ones found everything done."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, cast

import psycopg
import pytest

from squidie_contract.engine.appends import FAR_FUTURE, HOUR, LONG_AGO, OFFERS, append, due_ids, write
from squidie_core.journal.commit import COMMITTED, Commit
from squidie_storage_sql import SqlStorage
from squidie_storage_sql.postgresql.arrays import Int8Array
from squidie_storage_sql.postgresql.database import PostgresqlDatabase
from squidie_storage_sql.postgresql.marks import Look, Marks
from tests.storage_sql.stores import Store

RUNS = 1_000
BEGINNING = [-(2**63)] * 10
AT_ONCE = 2_500
"""More than the milliseconds that a mark stays below the store's clock."""


class Seconds:
    """A monotonic clock that a test turns by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def marks(seconds: Seconds) -> Marks:
    return Marks(seconds)


def moved(marks: Marks, to: int, *, queue: str = "default", offers: Sequence[str] = OFFERS) -> None:
    marks.moved(queue, offers, marks.look(queue, offers), [to] * 10)


class TestMarks:
    def test_a_first_look_begins_at_the_beginning(self, marks: Marks) -> None:
        assert list(marks.look("default", OFFERS).marks) == BEGINNING

    def test_later_looks_begin_at_the_marks_and_move_them_once_a_second(self, marks: Marks, seconds: Seconds) -> None:
        moved(marks, 7)
        looks: list[Look] = []
        for _ in range(3):
            looks.append(marks.look("default", OFFERS))
            seconds.now += 0.5
        assert [list(look.marks) for look in looks] == [[7] * 10] * 3
        assert [look.moving for look in looks] == [False, False, True]

    def test_every_half_minute_a_look_begins_at_the_beginning(self, marks: Marks, seconds: Seconds) -> None:
        moved(marks, 7)
        for _ in range(29):
            seconds.now += 1
            assert list(marks.look("default", OFFERS).marks) == [7] * 10
            moved(marks, 7)
        seconds.now += 1
        assert list(marks.look("default", OFFERS).marks) == BEGINNING

    def test_a_sweep_that_did_not_come_about_is_made_again(self, marks: Marks) -> None:
        assert marks.look("default", OFFERS).sweeping
        assert marks.look("default", OFFERS).sweeping

    def test_queues_and_offers_have_marks_of_their_own(self, marks: Marks) -> None:
        moved(marks, 7)
        assert list(marks.look("other", OFFERS).marks) == BEGINNING
        assert list(marks.look("default", ("ring-errand:pack",)).marks) == BEGINNING

    def test_a_look_goes_further_ahead_than_the_pauses_between_looks(self, marks: Marks, seconds: Seconds) -> None:
        ahead: list[int] = []
        for pause in [0.01] * 40 + [2.0, 4.0, 2.0, 60.0]:
            seconds.now += pause
            ahead.append(marks.look("default", OFFERS).ahead)
        assert ahead[0] == 10_000
        assert ahead[-5:-1] == [2_500, 2_500, 5_000, 4_500]
        assert ahead[-1] == 10_000


@pytest.fixture
def storage(postgresql: Store, marks: Marks) -> SqlStorage:
    """Give a client whose marks go by the test's clock."""
    storage = postgresql.open()
    database(storage).marks = marks
    return storage


def database(storage: SqlStorage) -> PostgresqlDatabase:
    return cast("PostgresqlDatabase", storage.database)


def mark(storage: SqlStorage, seconds: Seconds, priority: int = 5) -> int:
    """Where the next look begins, after one that moves the marks."""
    seconds.now += 1
    due_ids(storage)
    return database(storage).marks.look("default", OFFERS).marks[priority]


class TestALook:
    def test_that_finds_nothing_moves_the_marks_to_shortly_before_now(
        self, storage: SqlStorage, seconds: Seconds
    ) -> None:
        before = storage.clock()
        assert before - AT_ONCE < mark(storage, seconds) <= storage.clock() - 1_000

    @pytest.mark.parametrize("reserve_for", [0, HOUR])
    def test_moves_no_mark_beyond_a_run_that_is_due_or_reserved(
        self, storage: SqlStorage, postgresql: Store, seconds: Seconds, reserve_for: int
    ) -> None:
        write(storage, append("t"))
        age(postgresql)
        assert due_ids(storage, reserve_for=reserve_for) == ["t"]
        assert mark(storage, seconds) < LONG_AGO
        assert mark(storage, seconds, priority=4) > storage.clock() - AT_ONCE

    def test_moves_no_mark_beyond_a_run_that_somebody_has_locked(
        self, storage: SqlStorage, postgresql: Store, seconds: Seconds
    ) -> None:
        write(storage, append("t"))
        age(postgresql)
        with psycopg.connect(postgresql.url) as stranger:
            stranger.execute("select from squidie_runs where namespace = %s for update", [postgresql.namespace])
            assert due_ids(storage) == []
            assert mark(storage, seconds) < LONG_AGO
        assert due_ids(storage) == ["t"]

    def test_moves_the_mark_beyond_runs_that_need_what_is_not_offered(
        self, storage: SqlStorage, postgresql: Store, seconds: Seconds
    ) -> None:
        write(storage, append("t", needs=("ring-errand:gone",)))
        age(postgresql)
        assert mark(storage, seconds) > storage.clock() - AT_ONCE
        batch = storage.due("default", offers=("ring-errand:gone",), limit=1, reserve_for=0)
        assert [run.thread_id for run in batch.runs] == ["t"]

    def test_finds_what_came_in_below_the_mark_after_half_a_minute(
        self, storage: SqlStorage, postgresql: Store, seconds: Seconds
    ) -> None:
        write(storage, append("t", wake_at=FAR_FUTURE))
        mark(storage, seconds)
        age(postgresql)  # as if it were committed by a transaction that was open for long
        assert due_ids(storage) == []
        seconds.now += 30
        assert due_ids(storage) == ["t"]

    def test_of_another_client_does_the_same(self, storage: SqlStorage, postgresql: Store, seconds: Seconds) -> None:
        mark(storage, seconds)
        other = postgresql.open()
        for name in ("one", "two"):
            write(other, append(name))
        assert due_ids(storage, limit=1, reserve_for=HOUR) == ["one"]
        assert due_ids(other) == ["two"]


def age(store: Store) -> None:
    """Make all runs due since long ago."""
    store.sql("update squidie_runs set due_at = ? where namespace = ?", LONG_AGO, store.namespace)


@pytest.fixture
def blocks(storage: SqlStorage) -> Callable[[Sequence[int]], int]:
    """Give a function that tells how many blocks a look reads that begins at these marks."""

    def read(marks: Sequence[int]) -> int:
        parameters: dict[str, Any] = {
            "queue": "default",
            "offers": list(OFFERS),
            "limit": 16,
            "reserve_for": 0,
            "marks": Int8Array(marks),
            "ahead": 2_500,
            "moving": True,
        }
        plan = storage.database.write(f"explain (analyze, buffers) {database(storage).statements.due}", parameters)
        found = re.search(r"Buffers: shared hit=(\d+)", "\n".join(line for (line,) in plan))
        assert found is not None
        return int(found[1])

    return read


class TestWhileAnOldSnapshotIsHeld:
    def test_a_look_does_not_read_the_rows_of_the_past(
        self, storage: SqlStorage, postgresql: Store, seconds: Seconds, blocks: Callable[[Sequence[int]], int]
    ) -> None:
        names = [f"r{i}" for i in range(RUNS)]
        with psycopg.connect(postgresql.url) as stranger:
            stranger.execute("set transaction isolation level repeatable read")
            stranger.execute("select count(*) from squidie_runs")
            begun = [append(name, wake_at=FAR_FUTURE) for name in names]
            assert set(storage.commit([Commit((one,)) for one in begun])) == {COMMITTED}
            age(postgresql)
            ends = [append(one.thread_id, one.head, wake_at=None, ended_at=1) for one in begun]
            assert set(storage.commit([Commit((one,)) for one in ends])) == {COMMITTED}
            mark(storage, seconds)
            begins = database(storage).marks.look("default", OFFERS).marks
            assert begins[5] > LONG_AGO
            assert blocks(BEGINNING) > blocks(begins) + 50
