"""Listing runs from the index alone."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

import pytest

from squidie_contract.checks.contract import StorageClauses
from squidie_contract.engine.appends import append, find, pages, write
from squidie_core.errors import OptionError
from squidie_core.journal.commit import IndexRow
from squidie_core.ports.storage import RunQuery, RunRow, Storage


class ListingClauses(StorageClauses):
    """Listing: I3 and I4."""

    def test_i3_find_lists_the_newest_start_first_and_ties_by_thread_id_descending(self, storage: Storage) -> None:
        write(
            storage,
            append("old", started_at=1),
            append("tie-a", started_at=2),
            append("tie-c", started_at=2),
            append("new", started_at=3),
            append("tie-b", started_at=2),
        )
        assert find(storage) == ["new", "tie-c", "tie-b", "tie-a", "old"]

    def test_i3_find_orders_thread_ids_by_code_point(self, storage: Storage) -> None:
        ids = ["A", "B", "_", "a", "a b", "a-b", "ab", "b", "\u00e9", "\u4e00", "\U0001f991"]
        write(storage, *map(append, ids))
        assert find(storage) == sorted(ids, reverse=True)

    def test_i3_find_gives_all_of_a_run_that_the_index_has(self, storage: Storage) -> None:
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
    def test_i3_find_keeps_to_every_filter(self, storage: Storage, query: RunQuery, expected: list[str]) -> None:
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
    def test_i4_find_goes_on_where_a_page_ended(self, storage: Storage, limit: int) -> None:
        write(storage, *(append(f"t{i}", started_at=i // 3) for i in range(6)))
        found = pages(storage, RunQuery(limit=limit))
        assert list(chain.from_iterable(found)) == ["t5", "t4", "t3", "t2", "t1", "t0"]
        assert all(len(page) == limit for page in found[:-1])
        assert found[-1] != []

    def test_i4_find_lists_each_run_once_though_others_start_and_change_meanwhile(self, storage: Storage) -> None:
        written = [append(f"t{i}", started_at=i) for i in range(4)]
        write(storage, *written)
        first = storage.find(RunQuery(limit=2))
        write(storage, append("newer", started_at=9), append("t1", written[1].head, started_at=1, status="paused"))
        second = storage.find(RunQuery(limit=9, cursor=first.next_cursor))
        assert [run.thread_id for run in (*first.runs, *second.runs)] == ["t3", "t2", "t1", "t0"]
        assert second.runs[0].index.status == "paused"
        assert second.next_cursor is None

    def test_i4_find_has_no_next_page_where_the_last_one_was_full(self, storage: Storage) -> None:
        write(storage, append("a"), append("b"))
        assert storage.find(RunQuery(limit=2)).next_cursor is None
        assert storage.find(RunQuery(workflow="none")).next_cursor is None

    @pytest.mark.parametrize("cursor", ["", "nonsense", "\u00e9", "!", "bnVsbA==", "e30=", "WzFd", "[" * 100_000])
    def test_i4_find_refuses_a_cursor_that_no_page_gave(self, storage: Storage, cursor: str) -> None:
        write(storage, append("t"))
        with pytest.raises(OptionError, match="cursor"):
            storage.find(RunQuery(cursor=cursor))

    def test_i4_find_refuses_a_cursor_that_was_spoilt_on_its_way(self, storage: Storage) -> None:
        write(storage, append("a"), append("b"))
        cursor = storage.find(RunQuery(limit=1)).next_cursor
        assert cursor is not None
        for spoilt in (cursor[:4], cursor[:3] + "!" + cursor[3:], cursor + "\n", "x" + cursor):
            with pytest.raises(OptionError, match="cursor"):
                storage.find(RunQuery(cursor=spoilt))
