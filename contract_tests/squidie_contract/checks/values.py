"""Names and values come back as they were, whatever they are."""

from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from squidie_contract.checks.contract import StorageClauses
from squidie_contract.engine.appends import FAR_FUTURE, append, find, pages, stored, write
from squidie_contract.engine.worlds import Worlds
from squidie_core.journal.commit import NO_HEAD, Append, Checkpoint, Head, IndexRow
from squidie_core.ports.storage import RunQuery, RunRow, Storage

names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=40)
times = st.integers(0, FAR_FUTURE)
heads = st.builds(Head, rev=st.integers(1, 1000), commit_id=st.integers(1, 2**63 - 1))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
bodies = st.lists(json_values, min_size=1, max_size=4).map(json.dumps)
ascii_texts = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=200)
rows = st.builds(
    IndexRow,
    workflow=names,
    queue=names,
    priority=st.integers(0, 9),
    status=names,
    started_at=times,
    wake_at=st.none() | times,
    needs=st.lists(names, max_size=4, unique=True).map(tuple),
    ended_at=st.none() | times,
    version=st.none() | names,
    tags=st.lists(names, max_size=4, unique=True).map(tuple),
    min_reader=st.integers(1, 1000),
)


class ValuesClauses(StorageClauses):
    """Values: J12."""

    def test_j12_what_is_written_comes_back_as_it_was(self, worlds: Worlds) -> None:
        @worlds.trying(worlds.profile.values)
        @given(thread_id=names, body=bodies, index=rows, head=heads)
        def attempt(thread_id: str, body: str, index: IndexRow, head: Head) -> None:
            with worlds.example() as world:
                storage = world.storage()
                one = Append(thread_id, NO_HEAD, head.rev, body, index, head.commit_id)
                write(storage, one)
                assert list(storage.load([thread_id])[thread_id].commits) == [stored(one)]
                assert list(storage.read(thread_id)) == [stored(one)]
                assert storage.heads([thread_id])[thread_id].head == head
                (found,) = storage.find(RunQuery()).runs
                assert found == RunRow(thread_id=thread_id, head=one.head, index=index, updated_at=found.updated_at)

        attempt()

    def test_j12_what_is_written_is_found_by_every_filter(self, worlds: Worlds) -> None:
        @worlds.trying(worlds.profile.values)
        @given(index=rows)
        def attempt(index: IndexRow) -> None:
            with worlds.example() as world:
                storage = world.storage()
                other = append("other", workflow="\x01", queue="\x01", status="\x01")
                write(storage, replace(append("t"), index=index), other)
                queries = [
                    RunQuery(workflow=index.workflow),
                    RunQuery(queue=index.queue),
                    RunQuery(status=index.status),
                ]
                queries += [RunQuery(tag=tag) for tag in index.tags]
                for query in queries:
                    assert "t" in find(storage, query)

        attempt()

    def test_j12_what_is_written_is_due_in_its_queue_for_its_needs(self, worlds: Worlds) -> None:
        @worlds.trying(worlds.profile.values)
        @given(queue=names, needs=st.lists(names, min_size=1, max_size=4, unique=True).map(tuple))
        def attempt(queue: str, needs: tuple[str, ...]) -> None:
            with worlds.example() as world:
                storage = world.storage()
                write(storage, append("t", queue=queue, needs=needs))
                for need in needs:
                    batch = storage.due(queue, offers=[need], limit=1, reserve_for=0)
                    assert [run.thread_id for run in batch.runs] == ["t"]

        attempt()

    def test_j12_what_is_written_is_listed_in_one_order_through_all_pages(self, worlds: Worlds) -> None:
        @worlds.trying(worlds.profile.values)
        @given(ids=st.lists(names, min_size=2, max_size=6, unique=True), limit=st.integers(1, 3))
        def attempt(ids: list[str], limit: int) -> None:
            with worlds.example() as world:
                storage = world.storage()
                write(storage, *map(append, ids))
                listed = [thread_id for page in pages(storage, RunQuery(limit=limit)) for thread_id in page]
                assert listed == sorted(ids, reverse=True)

        attempt()

    def test_j12_names_that_differ_little_are_different_threads(self, storage: Storage) -> None:
        ids = ["t", "T", "t ", " t", "t\t", "t\u0308", "\u1e97", "\u00e9", "e\u0301"]
        ids += ["t/u", "t:u", "t%", "t_", "1", "01"]
        for thread_id in ids:
            write(storage, append(thread_id, NO_HEAD, thread_id))
        assert set(storage.heads(ids)) == set(ids)
        assert {key: thread.commits[0] for key, thread in storage.load(ids).items()} == {
            key: storage.read(key)[0] for key in ids
        }
        assert len({thread.head for thread in storage.load(ids).values()}) == len(ids)

    def test_j12_blobs_checkpoints_and_reasons_come_back_as_they_were(self, worlds: Worlds) -> None:
        @worlds.trying(worlds.profile.values)
        @given(name=names, body=ascii_texts, fold_version=st.integers(1, 2**31 - 1), reason=names)
        def attempt(name: str, body: str, fold_version: int, reason: str) -> None:
            with worlds.example() as world:
                storage = world.storage()
                storage.put_blob(name, body)
                assert storage.get_blobs([name]) == {name: body}
                one = append("t")
                write(storage, one)
                checkpoint = Checkpoint(one.head, fold_version, body)
                storage.put_checkpoint("t", checkpoint)
                assert storage.load(["t"])["t"].checkpoint in (checkpoint, None)
                storage.reserve("t", until=FAR_FUTURE, reason=reason)
                storage.quarantine("t", reason=reason, by=name)
                status = storage.heads(["t"])["t"]
                assert (status.park_reason, status.quarantine_reason) == (reason, reason)

        attempt()
