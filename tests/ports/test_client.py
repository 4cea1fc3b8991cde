"""What a client of a store promises as a whole: its declaration, its clock, its end."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from squidie_core.errors import Unavailable
from squidie_core.journal.commit import NO_HEAD, Checkpoint, Commit
from squidie_core.ports.storage import RunQuery, Storage
from tests.ports.appends import always, append, commits_of, due_ids, row, stored, write
from tests.ports.worlds import World

CALLS: dict[str, Callable[[Storage], object]] = {
    "clock": lambda storage: storage.clock(),
    "commit": lambda storage: storage.commit([Commit((append("u"),))]),
    "load": lambda storage: storage.load(["t"]),
    "heads": lambda storage: storage.heads(["t"]),
    "read": lambda storage: storage.read("t"),
    "due": lambda storage: storage.due("default", offers=["ring-errand:*"], limit=1, reserve_for=0),
    "reserve": lambda storage: storage.reserve("t", until=1, reason="r"),
    "find": lambda storage: storage.find(RunQuery()),
    "put_blob": lambda storage: storage.put_blob("b", "x"),
    "get_blobs": lambda storage: storage.get_blobs(["b"]),
    "put_checkpoint": lambda storage: storage.put_checkpoint("t", Checkpoint(NO_HEAD, 1, "")),
    "delete_checkpoint": lambda storage: storage.delete_checkpoint("t"),
    "quarantine": lambda storage: storage.quarantine("t", reason="r", by="b"),
    "unquarantine": lambda storage: storage.unquarantine("t"),
    "rebuild_index": lambda storage: storage.rebuild_index(always(row())),
}


class TestAClient:
    def test_satisfies_the_port(self, storage: Storage) -> None:
        assert isinstance(storage, Storage)

    def test_works_in_its_namespace(self, world: World) -> None:
        assert world.open("here").namespace != world.open("there").namespace
        assert world.open("here").namespace == world.open("here").namespace

    def test_declares_its_capabilities(self, storage: Storage) -> None:
        declared = storage.capabilities
        assert declared == storage.capabilities
        assert declared.name
        assert declared.max_appends >= 2
        assert declared.max_group >= 1
        assert declared.max_skew >= 0

    def test_tells_the_time_in_milliseconds_since_the_epoch(self, storage: Storage) -> None:
        first, second = storage.clock(), storage.clock()
        assert isinstance(first, int)
        assert 1_600_000_000_000 < first <= second < 3_000_000_000_000


class TestClose:
    @pytest.mark.parametrize("call", list(CALLS))
    def test_makes_every_later_call_unavailable(self, world: World, call: str) -> None:
        storage = world.open()
        write(storage, append("t"))
        storage.close()
        with pytest.raises(Unavailable):
            CALLS[call](storage)

    def test_may_be_repeated(self, storage: Storage) -> None:
        storage.close()
        storage.close()

    def test_leaves_other_clients_and_what_was_written_alone(self, world: World) -> None:
        one, other = world.open(), world.open()
        written = append("t")
        write(one, written)
        one.close()
        assert commits_of(other, "t") == [stored(written)]
        write(other, append("t", written.head))
        other.close()
        again = world.open()
        assert len(commits_of(again, "t")) == 2
        assert due_ids(again) == ["t"]
