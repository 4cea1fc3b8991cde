"""The index after it was lost or spoilt."""

from __future__ import annotations

from squidie_contract.engine.appends import FAR_FUTURE, always, append, due_ids, history, loaded, row, write
from squidie_core.journal.commit import COMMITTED, Commit
from squidie_core.ports import RunQuery
from tests.storage_sql.stores import Store


def lose_heads(store: Store) -> None:
    store.sql("delete from squidie_runs where namespace = ?", store.namespace)


class TestRebuild:
    def test_recreates_lost_heads_so_that_the_runs_go_on(self, store: Store) -> None:
        storage = store.open()
        _, last = history(storage, "a", "one", "two")
        before = loaded(storage, "a")
        lose_heads(store)
        assert storage.load(["a"]) == {}
        page = storage.rebuild_index(always(row(tags=("x", 'y"'))))
        assert (page.examined, page.written, page.next_after, page.failed) == (1, 1, None, {})
        assert loaded(storage, "a") == before
        assert storage.find(RunQuery(tag='y"')).runs[0].index == row(tags=("x", 'y"'))
        assert due_ids(storage) == ["a"]
        assert storage.commit([Commit((append("a", last.head),))]) == [COMMITTED]

    def test_goes_on_where_it_stopped(self, store: Store) -> None:
        storage = store.open()
        write(storage, *(append(name) for name in "abcde"))
        lose_heads(store)
        seen: list[str | None] = [None]
        while seen[-1] is not None or len(seen) == 1:
            seen.append(storage.rebuild_index(always(row()), after=seen[-1], limit=2).next_after)
        assert seen == [None, "b", "d", None]
        assert sorted(storage.heads(list("abcde"))) == list("abcde")

    def test_leaves_parking_nudges_and_quarantine(self, store: Store) -> None:
        storage = store.open()
        write(storage, append("parked"), append("nudged", wake_at=None), append("quarantined"))
        storage.reserve("parked", until=FAR_FUTURE, reason="r")
        storage.commit([Commit((), nudges=("nudged",))])
        storage.quarantine("quarantined", reason="q", by="me")
        before = storage.heads(["parked", "nudged", "quarantined"])
        storage.rebuild_index(lambda name, _: row(wake_at=None if name == "nudged" else 5))
        assert storage.heads(["parked", "nudged", "quarantined"]) == before
        assert due_ids(storage) == ["nudged"]

    def test_keeps_small_threads_small(self, store: Store) -> None:
        """`due` decides by the bytes that the head counts whether a thread comes along."""
        storage = store.open()
        history(storage, "a", "x" * 20_000, "y" * 20_000, "z")
        history(storage, "b", "x")
        sizes = "select run_id, bytes from squidie_runs where namespace = ? order by run_id"
        before = store.sql(sizes, store.namespace)
        lose_heads(store)
        storage.rebuild_index(always(row()))
        assert store.sql(sizes, store.namespace) == before
        batch = storage.due("default", offers=row().needs, limit=5, reserve_for=0)
        assert {run.thread_id: run.loaded is not None for run in batch.runs} == {"a": False, "b": True}
