"""What a client is as a whole: its declaration, its end, its use from many threads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import pairwise

from squidie_contract.capabilities import Capability
from squidie_contract.checks.contract import StorageClauses
from squidie_contract.engine.appends import (
    OFFERS,
    always,
    append,
    commit_one,
    commits_of,
    due_ids,
    history,
    loaded,
    row,
    stored,
    write,
)
from squidie_contract.engine.worlds import World, Worlds
from squidie_core.errors import Unavailable
from squidie_core.journal.commit import NO_HEAD, Busy, Checkpoint, Commit, Committed, Conflict, Head, Refused
from squidie_core.ports.storage import RunQuery, Storage

CALLS: Mapping[str, Callable[[Storage], object]] = {
    "clock": lambda storage: storage.clock(),
    "commit": lambda storage: storage.commit([Commit((append("u"),))]),
    "load": lambda storage: storage.load(["t"]),
    "heads": lambda storage: storage.heads(["t"]),
    "read": lambda storage: storage.read("t"),
    "due": lambda storage: storage.due("default", offers=OFFERS, limit=1, reserve_for=0),
    "reserve": lambda storage: storage.reserve("t", until=1, reason="r"),
    "acknowledge": lambda storage: storage.acknowledge({"t": 0}),
    "find": lambda storage: storage.find(RunQuery()),
    "put_blob": lambda storage: storage.put_blob("b", "x"),
    "get_blobs": lambda storage: storage.get_blobs(["b"]),
    "put_checkpoint": lambda storage: storage.put_checkpoint("t", Checkpoint(NO_HEAD, 1, "")),
    "delete_checkpoint": lambda storage: storage.delete_checkpoint("t"),
    "quarantine": lambda storage: storage.quarantine("t", reason="r", by="b"),
    "unquarantine": lambda storage: storage.unquarantine("t"),
    "purge": lambda storage: storage.purge(before=0, statuses=(), remember_until=0),
    "tombstones": lambda storage: storage.tombstones(["t"]),
    "rebuild_index": lambda storage: storage.rebuild_index(always(row())),
}
"""Every method that asks the store for something."""


class ClientsClauses(StorageClauses):
    """Clients: C1 to C3."""

    def test_c1_a_client_satisfies_the_port(self, world: World) -> None:
        assert isinstance(world.bare_storage(), Storage)

    def test_c1_a_client_declares_what_its_harness_declares(self, worlds: Worlds) -> None:
        declared, supports = worlds.new().storage().capabilities, worlds.harness_class.supports
        assert declared.durable == (Capability.CRASH_SAFE in supports)
        assert declared.host_transactions == (Capability.HOST_TRANSACTIONS in supports)
        assert declared.exclusive_reservations == (Capability.EXCLUSIVE_RESERVATIONS in supports)

    def test_c1_a_client_works_in_its_namespace(self, worlds: Worlds) -> None:
        here, there = worlds.new("here "), worlds.new("there ")
        assert here.storage().namespace != there.storage().namespace, "each world is a namespace of its own"
        assert here.storage().namespace == here.storage().namespace

    def test_c1_a_client_declares_its_capabilities(self, storage: Storage) -> None:
        declared = storage.capabilities
        assert declared == storage.capabilities
        assert declared.name
        assert declared.max_appends >= 2
        assert declared.max_group >= 1
        assert declared.max_skew >= 0

    def test_c2_close_makes_every_later_call_unavailable(self, world: World) -> None:
        storage = world.storage()
        write(storage, append("t"))
        storage.close()
        answered: list[str] = []
        for name, call in CALLS.items():
            with suppress(Unavailable):
                call(storage)
                answered.append(name)
        assert answered == []

    def test_c2_close_may_be_repeated(self, storage: Storage) -> None:
        storage.close()
        storage.close()

    def test_c2_close_leaves_other_clients_and_what_was_written_alone(self, world: World) -> None:
        one, other = world.storage(), world.storage()
        written = append("t")
        write(one, written)
        one.close()
        assert commits_of(other, "t") == [stored(written)]
        write(other, append("t", written.head))
        other.close()
        again = world.storage()
        assert len(commits_of(again, "t")) == 2
        assert due_ids(again) == ["t"]

    def test_c3_many_threads_write_and_read_through_one_client(self, storage: Storage) -> None:
        def own_thread(number: int) -> list[int]:
            written = history(storage, f"t{number}", *"abcde")
            assert commits_of(storage, f"t{number}") == [stored(one) for one in written]
            return [commit.rev for commit in loaded(storage, f"t{number}").commits]

        with ThreadPoolExecutor(8) as pool:
            revs = list(pool.map(own_thread, range(16)))
        assert revs == [[1, 2, 3, 4, 5]] * 16

    def test_c3_many_threads_write_one_run_through_one_client(self, world: World) -> None:
        storage = world.storage()
        write(storage, append("t"))
        accepted_by_each = 4

        def writer(client: Storage) -> list[Head]:
            mine: list[Head] = []
            while len(mine) < accepted_by_each:
                one = append("t", client.heads(["t"])["t"].head)
                match commit_one(client, one):
                    case Committed():
                        mine.append(one.head)
                    case Conflict() | Busy():
                        pass
                    case Refused(error):
                        raise error
            return mine

        clients = [storage, storage, world.storage(), world.storage()]
        with ThreadPoolExecutor(len(clients)) as pool:
            accepted = [head for heads in pool.map(writer, clients) for head in heads]
        commits = commits_of(storage, "t")
        assert [c.rev for c in commits] == list(range(1, 2 + len(accepted)))
        assert all(before.commit_id == after.previous for before, after in pairwise(commits))
        assert sorted(accepted) == [c.head for c in commits[1:]]
