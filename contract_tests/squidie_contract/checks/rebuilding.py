"""The journal is the truth; an index that was lost or spoilt is derived from it again."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from squidie_contract.checks.contract import StorageClauses
from squidie_contract.engine.appends import (
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
from squidie_contract.engine.worlds import World
from squidie_core.errors import Corrupt, UnknownVersion
from squidie_core.journal.commit import IndexRow, StoredCommit
from squidie_core.ports.storage import RunQuery, Storage


class RebuildingClauses(StorageClauses):
    """Rebuilding: R3 to R5."""

    def test_r3_rebuild_index_writes_the_rows_anew_from_the_commits(self, storage: Storage) -> None:
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

    def test_r3_rebuild_index_is_not_misled_by_a_checkpoint(self, storage: Storage) -> None:
        written = history(storage, "t", "a", "b")
        storage.put_checkpoint("t", checkpoint_at(written))
        counts: list[int] = []

        def derive(_: str, commits: Sequence[StoredCommit]) -> IndexRow:
            counts.append(len(commits))
            return row()

        storage.rebuild_index(derive)
        assert counts == [2]

    @pytest.mark.parametrize("limit", [1, 2, 3, 5, 6])
    def test_r5_rebuild_index_goes_thread_by_thread_in_order_and_on_where_it_ended(
        self, storage: Storage, limit: int
    ) -> None:
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

    def test_r5_rebuild_index_starts_after_the_given_thread(self, storage: Storage) -> None:
        write(storage, *map(append, "abc"))
        page = storage.rebuild_index(lambda key, _: row(status=key), after="a")
        assert (page.examined, page.next_after) == (2, None)
        assert {run.thread_id: run.index.status for run in storage.find(RunQuery()).runs} == {
            "a": "running",
            "b": "b",
            "c": "c",
        }

    def test_r5_rebuild_index_reports_what_cannot_be_derived_and_goes_on(self, storage: Storage) -> None:
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

    def test_r4_rebuild_index_does_not_write_over_a_thread_that_moved_on_meanwhile(self, world: World) -> None:
        storage, worker = world.storage(), world.storage()
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

    def test_r3_rebuild_index_lets_derive_use_the_store(self, storage: Storage) -> None:
        write(storage, append("t"))
        storage.put_blob("definition", "paused")

        def derive(_: str, __: Sequence[StoredCommit]) -> IndexRow:
            return row(status=storage.get_blobs(["definition"])["definition"])

        page = storage.rebuild_index(derive)
        assert page.written == 1
        assert storage.heads(["t"])["t"].status == "paused"

    def test_r4_rebuild_index_leaves_reservations_parking_nudges_and_quarantine_alone(self, storage: Storage) -> None:
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

    def test_r4_rebuild_index_leaves_a_nudged_run_due(self, storage: Storage) -> None:
        write(storage, append("t", wake_at=None))
        nudge(storage, "t")
        storage.rebuild_index(always(row(wake_at=None)), after="s")
        assert due_ids(storage) == ["t"]

    def test_r4_rebuild_index_leaves_the_journal_alone(self, storage: Storage) -> None:
        written = history(storage, "t", "a", "b")
        storage.rebuild_index(always(row()))
        assert commits_of(storage, "t") == [stored(one) for one in written]
        assert loaded(storage, "t").head == written[-1].head
        write(storage, append("t", written[-1].head))

    def test_r5_rebuild_index_of_nothing_is_at_its_end(self, storage: Storage) -> None:
        page = storage.rebuild_index(always(row(started_at=LONG_AGO)))
        assert (page.examined, page.written, page.next_after, dict(page.failed)) == (0, 0, None, {})
