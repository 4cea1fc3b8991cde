"""Taking part in transactions of the host's, where that is offered, and refusing where it is not."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squidie_contract.capabilities import Capability
from squidie_contract.checks.contract import StorageClauses
from squidie_contract.engine.appends import (
    append,
    commit_one,
    commits_of,
    due_ids,
    find,
    history,
    loaded,
    stored,
    write,
)
from squidie_contract.engine.line import Fault
from squidie_contract.engine.schedule import Schedule
from squidie_contract.engine.trying import orders
from squidie_contract.engine.worlds import World, Worlds
from squidie_core.errors import NotSupported, OptionError, TransactionAborted
from squidie_core.journal.commit import COMMITTED, NO_HEAD, Busy, CommitResult, Conflict
from squidie_core.ports import Storage, host_transactions


class _Undone(Exception):
    """The host thought better of it."""


_CLIENTS = ("client 1", "client 2", "client 3")


def _write_on_both_sides(world: World, storage: Storage) -> None:
    """Twice, each time with a row that names the commit."""
    power = host_transactions(storage)
    for _ in range(2):
        with suppress(Exception), power.lend() as lent:  # the harness's own statements raise what its driver raises
            written = append("t", loaded(lent.storage, "t").head if lent.storage.heads(["t"]) else NO_HEAD)
            world.harness.note(lent.handle(power.handles[0]), str(written.commit_id))
            lent.finish()
            if commit_one(lent.storage, written) == COMMITTED:
                lent.commit()


def seen(storage: Storage, thread_id: str) -> list[bool]:
    """Whether each way of looking finds the thread."""
    return [
        bool(storage.heads([thread_id])),
        bool(storage.load([thread_id])),
        bool(storage.read(thread_id)),
        thread_id in find(storage),
        thread_id in due_ids(storage),
    ]


class TransactionsClauses(StorageClauses):
    """Transactions of the host: H1 to H5."""

    def test_h1_what_is_committed_within_is_seen_by_its_transaction_alone(self, world: World) -> None:
        storage, other = world.storage(), world.storage()
        written = append("t")
        with world.harness.host_transaction() as handle:
            world.harness.note(handle, "beside it")
            inside = host_transactions(storage).within(handle).storage
            write(inside, written)
            inside.put_blob("b", "x")
            assert commits_of(inside, "t") == [stored(written)]
            assert inside.heads(["t"])["t"].head == loaded(inside, "t").head == written.head
            assert inside.get_blobs(["b"]) == {"b": "x"}
            assert not any(seen(storage, "t") + seen(other, "t"))
            assert list(world.harness.notes()) == []
        assert all(seen(storage, "t") + seen(other, "t"))
        assert commits_of(other, "t") == [stored(written)]
        assert other.get_blobs(["b"]) == {"b": "x"}
        assert list(world.harness.notes()) == ["beside it"]

    def test_h1_a_thread_goes_on_within_and_after(self, storage: Storage, world: World) -> None:
        (first,) = history(storage, "t", "before")
        with world.harness.host_transaction() as handle:
            inside = host_transactions(storage).within(handle).storage
            second = append("t", first.head, "within")
            third = append("t", second.head, "within too", status="completed", wake_at=None, needs=())
            write(inside, second, third)
            assert loaded(inside, "t").head == third.head
            assert loaded(storage, "t").head == first.head
        assert commits_of(storage, "t") == [stored(one) for one in (first, second, third)]
        assert due_ids(storage) == []

    def test_h2_what_is_rolled_back_was_never_there(self, storage: Storage, world: World) -> None:
        (first,) = history(storage, "t", "before")
        before = storage.heads(["t"])
        with suppress(_Undone), world.harness.host_transaction() as handle:
            world.harness.note(handle, "beside it")
            inside = host_transactions(storage).within(handle).storage
            write(inside, append("u"), append("t", first.head, "within", status="completed", wake_at=None, needs=()))
            raise _Undone
        assert due_ids(storage) == ["t"]
        assert not any(seen(storage, "u"))
        assert storage.heads(["t"]) == before
        assert commits_of(storage, "t") == [stored(first)]
        assert list(world.harness.notes()) == []

    def test_h2_what_was_rolled_back_can_be_done_otherwise(self, storage: Storage, world: World) -> None:
        with suppress(_Undone), world.harness.host_transaction() as handle:
            write(host_transactions(storage).within(handle).storage, append("t", queue="other"))
            raise _Undone
        written = append("t")
        write(storage, written)
        assert commits_of(storage, "t") == [stored(written)]
        assert due_ids(storage) == ["t"]
        assert due_ids(storage, queue="other") == []

    def test_h3_a_conflict_within_has_no_effect_and_harms_nothing_else(self, storage: Storage, world: World) -> None:
        first, second = history(storage, "t", "one", "two")
        with world.harness.host_transaction() as handle:
            inside = host_transactions(storage).within(handle).storage
            assert commit_one(inside, append("t", first.head, "late")) == Conflict(("t",))
            assert commit_one(inside, append("t")) == Conflict(("t",))
            world.harness.note(handle, "all the same")
            third = append("t", second.head, "in time")
            assert commit_one(inside, third) == COMMITTED
            assert commit_one(inside, third) == COMMITTED
        assert commits_of(storage, "t") == [stored(one) for one in (first, second, third)]
        assert list(world.harness.notes()) == ["all the same"]

    def test_h3_of_two_transactions_one_writes(self, world: World) -> None:
        storage = world.storage()
        (first,) = history(storage, "t", "before")
        winner, loser = append("t", first.head, "faster"), append("t", first.head, "slower")
        second: CommitResult | None = None
        with world.harness.host_transaction() as handle:
            assert commit_one(host_transactions(storage).within(handle).storage, winner) == COMMITTED
            with suppress(TransactionAborted), world.harness.host_transaction() as later:
                inside = host_transactions(world.storage()).within(later).storage
                second = commit_one(inside, loser)
                world.harness.note(later, "all the same")
        assert second is None or isinstance(second, (Busy, Conflict))
        assert commits_of(storage, "t") == [stored(first), stored(winner)]
        assert list(world.harness.notes()) == ([] if second is None else ["all the same"])

    def test_h4_a_lent_transaction_commits_both_sides(self, storage: Storage, world: World) -> None:
        power = host_transactions(storage)
        for number, kind in enumerate(power.handles):
            written = append(f"t{number}")
            with power.lend() as lent:
                handle = lent.handle(kind)
                assert isinstance(handle, kind)
                world.harness.note(handle, str(number))
                lent.finish()
                write(lent.storage, written)
                assert storage.heads([f"t{number}"]) == {}
                assert str(number) not in world.harness.notes()
                lent.commit()
            assert commits_of(storage, f"t{number}") == [stored(written)]
            assert str(number) in world.harness.notes()

    def test_h4_a_lent_transaction_that_is_not_committed_leaves_neither(self, storage: Storage, world: World) -> None:
        power = host_transactions(storage)
        for kind in power.handles:
            with power.lend() as lent:
                world.harness.note(lent.handle(kind), kind.__name__)
                write(lent.storage, append("t"))
            with suppress(_Undone), power.lend() as lent:
                world.harness.note(lent.handle(kind), kind.__name__)
                lent.finish()
                write(lent.storage, append("t"))
                raise _Undone
        assert not any(seen(storage, "t"))
        assert list(world.harness.notes()) == []

    def test_h4_a_conflict_in_a_lent_transaction_undoes_what_its_holder_wrote(
        self, storage: Storage, world: World
    ) -> None:
        power = host_transactions(storage)
        first, second = history(storage, "t", "one", "two")
        with power.lend() as lent:
            world.harness.note(lent.handle(power.handles[0]), "too late")
            lent.finish()
            assert commit_one(lent.storage, append("t", first.head, "late")) == Conflict(("t",))
        assert commits_of(storage, "t") == [stored(first), stored(second)]
        assert list(world.harness.notes()) == []

    def test_h4_lent_transactions_of_many_are_there_on_both_sides_or_on_neither(self, worlds: Worlds) -> None:
        """Each on what it saw of the same thread, in any order, and whatever is lost of what it sends and hears."""
        faults = st.dictionaries(st.integers(1, 12), st.sampled_from(Fault), max_size=1)

        @worlds.trying(worlds.profile.races)
        @given(choices=orders(len(_CLIENTS)), faults=st.fixed_dictionaries(dict.fromkeys(_CLIENTS, faults)))
        def attempt(choices: list[int], faults: Mapping[str, Mapping[int, Fault]]) -> None:
            with worlds.example() as world:
                schedule = Schedule(choices, tell=world.trail.tell)
                clients = {name: world.storage(schedule.wire(name, faults[name]), name=name) for name in _CLIENTS}
                schedule.run({name: partial(_write_on_both_sides, world, clients[name]) for name in _CLIENTS})
                written = [str(commit.commit_id) for commit in commits_of(world.storage(), "t")]
                assert sorted(world.harness.notes()) == sorted(written)
                assert written or any(faults.values())

        attempt()

    def test_h5_what_is_declared_is_there_and_what_is_not_is_refused(self, worlds: Worlds) -> None:
        storage = worlds.new().bare_storage()
        if Capability.HOST_TRANSACTIONS in worlds.harness_class.supports:
            assert host_transactions(storage).handles
            with pytest.raises(OptionError):
                host_transactions(storage).within(object())
            return
        with pytest.raises(NotSupported) as refused:
            host_transactions(storage)
        assert refused.value.code == "host_transactions_not_supported"
        for power in ("within", "lend"):
            if (own := getattr(storage, power, None)) is not None:
                with pytest.raises(NotSupported):
                    own(*[object()] * (power == "within"))
