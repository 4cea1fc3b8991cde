"""What `Storage.find` and `rebuild_index` promise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

import pytest

from squidie_core.errors import Corrupt, OptionError, UnknownVersion
from squidie_core.journal.commit import IndexRow, StoredCommit
from squidie_core.ports.storage import RunQuery, RunRow, Storage
from tests.ports.appends import (
    FAR_FUTURE,
    HOUR,
    LONG_AGO,
    always,
    append,
    checkpoint_at,
    commits_of,
    due_ids,
    history,
    loaded,
    nudge,
    row,
    stored,
    write,
)
from tests.ports.worlds import World

ANY = RunQuery()


def find(storage: Storage, query: RunQuery = ANY) -> list[str]:
    return [run.thread_id for run in storage.find(query).runs]


def pages(storage: Storage, query: RunQuery) -> list[list[str]]:
    found: list[list[str]] = []
    cursor: str | None = None
    while not found or cursor is not None:
        page = storage.find(replace(query, cursor=cursor))
        found.append([run.thread_id for run in page.runs])
        cursor = page.next_cursor
    return found


class TestFind:
    def test_lists_the_newest_start_first_and_ties_by_thread_id_descending(self, storage: Storage) -> None:
        write(
            storage,
            append("old", started_at=1),
            append("tie-a", started_at=2),
            append("tie-c", started_at=2),
            append("new", started_at=3),
            append("tie-b", started_at=2),
        )
        assert find(storage) == ["new", "tie-c", "tie-b", "tie-a", "old"]

    def test_orders_thread_ids_by_code_point(self, storage: Storage) -> None:
        ids = ["A", "B", "_", "a", "a b", "a-b", "ab", "b", "\u00e9", "\u4e00", "\U0001f991"]
        write(storage, *map(append, ids))
        assert find(storage) == sorted(ids, reverse=True)

    def test_gives_all_of_a_run_that_the_index_has(self, storage: Storage) -> None:
        index = IndexRow(
            workflow="Ring errand: \u00e9l\u00e8ve",
            queue="slow lane",
            priority=9,
            status="completed",
            started_at=1_800_000_000_123,
            wake_at=None,
            needs=("a:b", "a:*", "a:c"),
            ended_at=1_800_000_000_456,
            version="2026-11-21",
            tags=("z", "a", "m"),
            min_reader=3,
        )
        one = replace(append("t"), index=index)
        write(storage, one)
        (found,) = storage.find(RunQuery()).runs
        assert found == RunRow(thread_id="t", head=one.head, index=index, updated_at=found.updated_at)

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            (RunQuery(workflow="a"), ["1", "2"]),
            (RunQuery(status="completed"), ["2", "4"]),
            (RunQuery(queue="slow"), ["3", "4"]),
            (RunQuery(tag="x"), ["2", "3"]),
            (RunQuery(tag="xy"), ["4"]),
            (RunQuery(tag="y"), ["2"]),
            (RunQuery(tag="%"), []),
            (RunQuery(workflow="a", status="completed"), ["2"]),
            (RunQuery(workflow="b", queue="slow", tag="x"), ["3"]),
            (RunQuery(quarantined=True), ["4"]),
            (RunQuery(quarantined=False), ["1", "2", "3"]),
            (RunQuery(quarantined=False, status="completed"), ["2"]),
            (RunQuery(workflow="A"), []),
            (RunQuery(workflow=""), []),
        ],
    )
    def test_keeps_to_every_filter(self, storage: Storage, query: RunQuery, expected: list[str]) -> None:
        write(
            storage,
            append("1", workflow="a", status="running", tags=()),
            append("2", workflow="a", status="completed", tags=("x", "y")),
            append("3", workflow="b", status="running", queue="slow", tags=("x",)),
            append("4", workflow="b", status="completed", queue="slow", tags=("xy",)),
        )
        storage.quarantine("4", reason="unreadable", by="operator")
        assert sorted(find(storage, query)) == expected
        assert sorted(chain.from_iterable(pages(storage, replace(query, limit=1)))) == expected

    @pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 100])
    def test_goes_on_where_a_page_ended(self, storage: Storage, limit: int) -> None:
        write(storage, *(append(f"t{i}", started_at=i // 3) for i in range(6)))
        found = pages(storage, RunQuery(limit=limit))
        assert list(chain.from_iterable(found)) == ["t5", "t4", "t3", "t2", "t1", "t0"]
        assert all(len(page) == limit for page in found[:-1])
        assert found[-1] != []

    def test_lists_each_run_once_though_others_start_and_change_meanwhile(self, storage: Storage) -> None:
        written = [append(f"t{i}", started_at=i) for i in range(4)]
        write(storage, *written)
        first = storage.find(RunQuery(limit=2))
        write(storage, append("newer", started_at=9), append("t1", written[1].head, started_at=1, status="paused"))
        second = storage.find(RunQuery(limit=9, cursor=first.next_cursor))
        assert [run.thread_id for run in (*first.runs, *second.runs)] == ["t3", "t2", "t1", "t0"]
        assert second.runs[0].index.status == "paused"
        assert second.next_cursor is None

    def test_has_no_next_page_where_the_last_one_was_full(self, storage: Storage) -> None:
        write(storage, append("a"), append("b"))
        assert storage.find(RunQuery(limit=2)).next_cursor is None
        assert storage.find(RunQuery(workflow="none")).next_cursor is None

    @pytest.mark.parametrize("cursor", ["", "nonsense", "\u00e9", "!", "bnVsbA==", "e30=", "WzFd", "[" * 100_000])
    def test_refuses_a_cursor_that_no_page_gave(self, storage: Storage, cursor: str) -> None:
        write(storage, append("t"))
        with pytest.raises(OptionError, match="cursor"):
            storage.find(RunQuery(cursor=cursor))

    def test_refuses_a_cursor_that_was_spoilt_on_its_way(self, storage: Storage) -> None:
        write(storage, append("a"), append("b"))
        cursor = storage.find(RunQuery(limit=1)).next_cursor
        assert cursor is not None
        for spoilt in (cursor[:4], cursor[:3] + "!" + cursor[3:], cursor + "\n", "x" + cursor):
            with pytest.raises(OptionError, match="cursor"):
                storage.find(RunQuery(cursor=spoilt))


class TestRebuildIndex:
    """The journal is the truth; an index that was lost or spoilt is derived from it again."""

    def test_writes_the_rows_anew_from_the_commits(self, storage: Storage) -> None:
        written = {key: history(storage, key, "x", key, wake_at=None, status="spoilt", needs=()) for key in ("a", "b")}
        seen: dict[str, list[StoredCommit]] = {}

        def derive(thread_id: str, commits: Sequence[StoredCommit]) -> IndexRow:
            seen[thread_id] = list(commits)
            return row(status=f"status of {thread_id}")

        page = storage.rebuild_index(derive)
        assert (page.examined, page.written, page.next_after, dict(page.failed)) == (2, 2, None, {})
        assert seen == {key: [stored(one) for one in appends] for key, appends in written.items()}
        found = {run.thread_id: run for run in storage.find(RunQuery()).runs}
        assert {key: run.index for key, run in found.items()} == {
            key: row(status=f"status of {key}") for key in written
        }
        assert {key: run.head for key, run in found.items()} == {key: both[-1].head for key, both in written.items()}
        assert sorted(due_ids(storage)) == ["a", "b"]

    def test_is_not_misled_by_a_checkpoint(self, storage: Storage) -> None:
        written = history(storage, "t", "a", "b")
        storage.put_checkpoint("t", checkpoint_at(written))
        counts: list[int] = []

        def derive(_: str, commits: Sequence[StoredCommit]) -> IndexRow:
            counts.append(len(commits))
            return row()

        storage.rebuild_index(derive)
        assert counts == [2]

    @pytest.mark.parametrize("limit", [1, 2, 3, 5, 6])
    def test_goes_thread_by_thread_in_order_and_on_where_it_ended(self, storage: Storage, limit: int) -> None:
        ids = ["A", "a", "b", "c", "\u00e9"]
        write(storage, *map(append, reversed(ids)))
        seen: list[str] = []

        def derive(thread_id: str, _: Sequence[StoredCommit]) -> IndexRow:
            seen.append(thread_id)
            return row()

        examined: list[int] = []
        after: str | None = None
        while not examined or after is not None:
            page = storage.rebuild_index(derive, after=after, limit=limit)
            examined.append(page.examined)
            assert page.written == page.examined
            assert page.next_after in (seen[-1], None)
            after = page.next_after
        assert seen == ids
        assert sum(examined) == len(ids)
        assert max(examined) <= limit

    def test_starts_after_the_given_thread(self, storage: Storage) -> None:
        write(storage, *map(append, "abc"))
        page = storage.rebuild_index(lambda key, _: row(status=key), after="a")
        assert (page.examined, page.next_after) == (2, None)
        assert {run.thread_id: run.index.status for run in storage.find(RunQuery()).runs} == {
            "a": "running",
            "b": "b",
            "c": "c",
        }

    def test_reports_what_cannot_be_derived_and_goes_on(self, storage: Storage) -> None:
        write(storage, *map(append, "abcd"))

        def derive(thread_id: str, _: Sequence[StoredCommit]) -> IndexRow:
            if thread_id == "b":
                raise Corrupt("the entries of b cannot be read")
            if thread_id == "c":
                raise UnknownVersion("c is newer")
            return row(status="derived")

        page = storage.rebuild_index(derive)
        assert (page.examined, page.written, page.next_after) == (4, 2, None)
        assert set(page.failed) == {"b", "c"}
        assert "the entries of b cannot be read" in page.failed["b"]
        assert "c is newer" in page.failed["c"]
        assert {run.thread_id: run.index.status for run in storage.find(RunQuery()).runs} == {
            "a": "derived",
            "b": "running",
            "c": "running",
            "d": "derived",
        }

    def test_does_not_write_over_a_thread_that_moved_on_meanwhile(self, world: World) -> None:
        storage, worker = world.open(), world.open()
        (one,) = history(storage, "t", "a")
        two = append("t", one.head, status="completed", wake_at=None)

        def derive(_: str, commits: Sequence[StoredCommit]) -> IndexRow:
            if len(commits) == 1:
                write(worker, two)
            return row(status="running")

        page = storage.rebuild_index(derive)
        assert (page.examined, page.written, dict(page.failed)) == (1, 0, {})
        status = storage.heads(["t"])["t"]
        assert (status.head, status.status) == (two.head, "completed")
        assert due_ids(storage) == []

    def test_lets_derive_use_the_store(self, storage: Storage) -> None:
        write(storage, append("t"))
        storage.put_blob("definition", "paused")

        def derive(_: str, __: Sequence[StoredCommit]) -> IndexRow:
            return row(status=storage.get_blobs(["definition"])["definition"])

        page = storage.rebuild_index(derive)
        assert page.written == 1
        assert storage.heads(["t"])["t"].status == "paused"

    def test_leaves_reservations_parking_nudges_and_quarantine_alone(self, storage: Storage) -> None:
        write(storage, append("reserved"))
        assert due_ids(storage, reserve_for=HOUR) == ["reserved"]
        write(storage, append("parked"), append("quarantined"))
        storage.reserve("parked", until=FAR_FUTURE, reason="step_unavailable")
        storage.quarantine("quarantined", reason="unreadable", by="operator")
        nudge(storage, "parked")
        before = storage.heads(["reserved", "parked", "quarantined"])
        assert storage.rebuild_index(always(row())).written == 4
        assert storage.heads(["reserved", "parked", "quarantined"]) == before
        assert not {"reserved", "parked", "quarantined"} & set(due_ids(storage))

    def test_leaves_a_nudged_run_due(self, storage: Storage) -> None:
        write(storage, append("t", wake_at=None))
        nudge(storage, "t")
        storage.rebuild_index(always(row(wake_at=None)), after="s")
        assert due_ids(storage) == ["t"]

    def test_leaves_the_journal_alone(self, storage: Storage) -> None:
        written = history(storage, "t", "a", "b")
        storage.rebuild_index(always(row()))
        assert commits_of(storage, "t") == [stored(one) for one in written]
        assert loaded(storage, "t").head == written[-1].head
        write(storage, append("t", written[-1].head))

    def test_of_one_namespace_touches_no_other(self, world: World) -> None:
        here, there = world.open("here"), world.open("there")
        write(here, append("t"))
        write(there, append("t"), append("u"))
        assert here.rebuild_index(always(row(status="derived"))).examined == 1
        assert {run.index.status for run in there.find(RunQuery()).runs} == {"running"}

    def test_of_nothing_is_at_its_end(self, storage: Storage) -> None:
        page = storage.rebuild_index(always(row(started_at=LONG_AGO)))
        assert (page.examined, page.written, page.next_after, dict(page.failed)) == (0, 0, None, {})
