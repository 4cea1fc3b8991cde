"""What a commit shows to those who look at the index."""

from __future__ import annotations

from squidie_contract.checks.contract import StorageClauses
from squidie_contract.engine.appends import FAR_FUTURE, append, commit_one, history, loaded, row, stored, write
from squidie_contract.engine.worlds import World
from squidie_core.journal.commit import COMMITTED, NO_HEAD, Head
from squidie_core.ports.storage import HeadStatus, RunQuery, Storage


class IndexClauses(StorageClauses):
    """Index: I1 and I2."""

    def test_i1_an_accepted_commit_shows_its_entries_its_index_row_and_its_head_at_once(self, world: World) -> None:
        storage, other = world.storage(), world.storage()
        one = append("t", NO_HEAD, "first", "second", status="paused", tags=("x",))
        assert commit_one(storage, one) == COMMITTED
        for client in (storage, other):
            assert loaded(client, "t").head == one.head == Head(2, one.commit_id)
            assert list(loaded(client, "t").commits) == [stored(one)]
            assert client.heads(["t"])["t"].head == one.head
            assert client.heads(["t"])["t"].status == "paused"
            assert [run.index for run in client.find(RunQuery()).runs] == [one.index]

    def test_i1_an_accepted_commit_replaces_the_index_row(self, storage: Storage) -> None:
        first = append("t", status="running")
        write(storage, first, append("t", first.head, status="completed", wake_at=None, ended_at=7, needs=()))
        (listed,) = storage.find(RunQuery()).runs
        assert listed.index == row(status="completed", wake_at=None, ended_at=7, needs=())

    def test_i2_heads_are_the_cheap_look_at_the_runs_that_exist(self, storage: Storage) -> None:
        a = history(storage, "a", "x", "y", status="paused")[-1]
        b = history(storage, "b", "x", status="running")[-1]
        storage.reserve("b", until=FAR_FUTURE, reason="step_unavailable")
        storage.quarantine("a", reason="unreadable", by="operator")
        assert storage.heads(["a", "b", "gone"]) == {
            "a": HeadStatus(head=a.head, status="paused", quarantine_reason="unreadable"),
            "b": HeadStatus(head=b.head, status="running", parked_until=FAR_FUTURE, park_reason="step_unavailable"),
        }

    def test_i2_heads_of_nothing_are_nothing(self, storage: Storage) -> None:
        assert storage.heads([]) == {}
