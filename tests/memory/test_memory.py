"""What the adapters in memory add to their ports: worlds, URLs, and the exact answers of the model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import entry_points
from queue import SimpleQueue
from typing import Any
from uuid import uuid4

import pytest

from squidie_contract.engine.appends import OFFERS, append, checkpoint_at, due_ids, history, loaded, write
from squidie_core.errors import OptionError, SquidieError
from squidie_core.journal.commit import COMMITTED, NO_HEAD, Checkpoint, Commit, Head, Refused
from squidie_core.memory import (
    MemoryLeases,
    MemoryStorage,
    MemoryWorld,
    open_leases,
    open_notifier,
    open_storage,
)
from squidie_core.ports import LeaseBackend, Notifier, RunQuery, Storage
from tests.clocks import Clock


class TestAWorld:
    def test_is_shared_by_the_clients_made_with_it(self) -> None:
        world = MemoryWorld()
        write(MemoryStorage(world=world), append("t"))
        assert set(MemoryStorage(world=world).heads(["t"])) == {"t"}
        assert MemoryStorage("other", world=world).heads(["t"]) == {}

    def test_is_ones_own_without_one(self) -> None:
        write(MemoryStorage(), append("t"))
        assert MemoryStorage().heads(["t"]) == {}

    def test_has_the_clock_of_all_its_clients(self) -> None:
        clock = Clock(5)
        world = MemoryWorld(clock=clock)
        assert MemoryStorage(world=world).clock() == 5
        assert MemoryStorage(clock=clock).clock() == 5
        clock.now = 6
        assert MemoryStorage(world=world).clock() == 6

    def test_is_one_clients_at_a_time(self) -> None:
        held: list[bool] = []

        def clock() -> int:
            held.append(world.lock.locked())
            return 1000

        world = MemoryWorld(clock=clock)
        storage, leases = MemoryStorage(world=world), MemoryLeases(world=world)
        write(storage, append("t", wake_at=1))
        due_ids(storage)
        leases.enqueue("q", {})
        (delivery,) = leases.claim("q", owner_id="me", lease_for=1)
        leases.complete(delivery)
        assert held == [True] * 5
        assert not world.lock.locked()

    @pytest.mark.parametrize("client", [MemoryStorage, MemoryLeases])
    def test_takes_no_second_clock(self, client: Callable[..., object]) -> None:
        with pytest.raises(OptionError, match="clock"):
            client(world=MemoryWorld(), clock=Clock())


class TestTheModel:
    """Where the port leaves room, the reference is exact."""

    def test_declares_what_it_can_do(self) -> None:
        declared = MemoryStorage().capabilities
        assert (declared.name, declared.local_clock, declared.durable) == ("memory", True, False)
        assert declared.exclusive_reservations

    def test_takes_the_oldest_whatever_its_priority_at_every_eighth_poll_of_a_queue(self) -> None:
        storage = MemoryStorage(clock=Clock())
        write(storage, append("old", priority=9, wake_at=1), append("new", priority=0, wake_at=2))
        first = [due_ids(storage, limit=1) for _ in range(16)]
        assert first == ([["new"]] * 7 + [["old"]]) * 2
        assert due_ids(storage, queue="other", limit=1) == []

    def test_tells_the_earliest_time_that_a_run_becomes_free(self) -> None:
        clock = Clock(1000)
        storage = MemoryStorage(clock=clock)
        write(storage, append("soon", wake_at=1500), append("now", wake_at=900), append("parked", wake_at=900))
        storage.reserve("parked", until=1300, reason="step_unavailable")

        def next_wake(queue: str = "default") -> int | None:
            return storage.due(queue, offers=OFFERS, limit=9, reserve_for=200).next_wake

        assert next_wake() == 1300
        assert next_wake() == 1200
        assert next_wake("other") is None

    def test_keeps_a_reservation_to_the_very_millisecond(self) -> None:
        clock = Clock(1000)
        storage = MemoryStorage(clock=clock)
        write(storage, append("t", wake_at=900))
        assert due_ids(storage, reserve_for=200) == ["t"]
        clock.now = 1199
        assert due_ids(storage) == []
        clock.now = 1200
        assert due_ids(storage) == ["t"]

    def test_brings_threads_along_up_to_32_kilobytes(self) -> None:
        storage = MemoryStorage()
        written = history(storage, "t", "x" * 16_000, "x" * 16_000)
        size = sum(len(one.body) for one in written)
        write(storage, append("t", written[-1].head, "x" * (32 * 1024 - size - len(append("t", NO_HEAD, "").body))))
        (run,) = storage.due("default", offers=OFFERS, limit=1, reserve_for=0).runs
        assert run.loaded is not None
        write(storage, append("t", run.head))
        (run,) = storage.due("default", offers=OFFERS, limit=1, reserve_for=0).runs
        assert run.loaded is None

    def test_gives_what_is_due_at_once_by_thread_id(self) -> None:
        storage = MemoryStorage()
        write(storage, *map(append, "bca"))
        assert due_ids(storage) == ["a", "b", "c"]

    def test_does_not_let_a_foreign_checkpoint_keep_good_ones_out(self) -> None:
        storage = MemoryStorage()
        written = history(storage, "t", "a", "b")
        storage.put_checkpoint("t", Checkpoint(Head(9, 9), 1, '["foreign"]'))
        storage.put_checkpoint("t", checkpoint_at(written))
        assert loaded(storage, "t").checkpoint == checkpoint_at(written)

    def test_takes_a_commit_of_nothing_but_nudges(self) -> None:
        storage = MemoryStorage()
        write(storage, append("t", wake_at=None))
        assert storage.commit([Commit((), nudges=("t",))]) == [COMMITTED]
        assert storage.heads(["t"])["t"].nudges == 1
        assert due_ids(storage) == ["t"]

    @pytest.mark.parametrize("together", [True, False])
    def test_takes_a_thread_named_twice_for_an_error_before_anything_is_written(self, *, together: bool) -> None:
        storage = MemoryStorage()
        first = append("t")
        twice = (first, append("t", first.head))
        group = [Commit(twice)] if together else [Commit((one,)) for one in twice]
        with pytest.raises(OptionError, match="'t'"):
            storage.commit([Commit((append("other"),)), *group])
        assert storage.heads(["t", "other"]) == {}

    @pytest.mark.parametrize("body", ["caf\u00e9", "a\x00b", "\ud800", "a\nb"])
    def test_refuses_what_is_not_printable_ascii(self, body: str) -> None:
        storage = MemoryStorage()
        (result,) = storage.commit([Commit((replace(append("t"), body=body),))])
        assert isinstance(result, Refused)
        assert storage.heads(["t"]) == {}

    def test_refuses_an_append_without_entries(self) -> None:
        (result,) = MemoryStorage().commit([Commit((replace(append("t"), count=0),))])
        assert isinstance(result, Refused)

    def test_refuses_more_appends_than_it_declares(self) -> None:
        storage = MemoryStorage()
        (result,) = storage.commit([Commit(tuple(append(str(i)) for i in range(101)))])
        assert isinstance(result, Refused)
        assert storage.find(RunQuery()).runs == []

    def test_keeps_a_lease_to_the_very_millisecond(self) -> None:
        clock = Clock()
        leases = MemoryLeases(clock)
        leases.enqueue("q", {})
        (first,) = leases.claim("q", owner_id="me", lease_for=100)
        assert first.lease_until == clock.now + 100
        clock.now += 99
        assert leases.claim("q", owner_id="you", lease_for=100) == []
        clock.now += 1
        (second,) = leases.claim("q", owner_id="you", lease_for=100)
        assert (first.token, second.token) == (1, 2)


class TestAUrl:
    @pytest.mark.parametrize(
        ("group", "port"),
        [("squidie.storage", Storage), ("squidie.leases", LeaseBackend), ("squidie.notifier", Notifier)],
    )
    def test_is_opened_through_its_entry_point(self, group: str, port: type) -> None:
        (entry_point,) = entry_points(group=group, name="memory")
        opener: Callable[[str], Any] = entry_point.load()
        opened = opener("memory://")
        assert isinstance(opened, port)

    def test_with_a_name_is_one_world_for_the_process(self) -> None:
        url = f"memory://{uuid4()}"
        first = open_storage(url)
        write(first, append("t"))
        first.close()
        assert set(open_storage(url).heads(["t"])) == {"t"}
        assert open_storage(url, namespace="other").heads(["t"]) == {}
        assert open_storage(url + "x").heads(["t"]) == {}

    def test_with_a_name_shares_leases_and_hints_too(self) -> None:
        url = f"memory://{uuid4()}"
        new_id = open_leases(url).enqueue("q", {})
        assert [one.id for one in open_leases(url).claim("q", owner_id="me", lease_for=1)] == [new_id]
        listener, other = open_notifier(url), open_notifier(url)
        heard: SimpleQueue[int] = SimpleQueue()
        listener.listen("q", heard.put)
        other.notify({"q": 7})
        assert heard.get() == 7
        listener.close()
        other.close()

    def test_without_a_name_is_a_fresh_world(self) -> None:
        write(open_storage("memory://"), append("t"))
        assert open_storage("memory://").heads(["t"]) == {}
        open_leases("memory://").enqueue("q", {})
        assert open_leases("memory://").claim("q", owner_id="me", lease_for=1) == []

    @pytest.mark.parametrize("opener", [open_storage, open_leases, open_notifier])
    def test_with_an_unknown_option_names_it(self, opener: Callable[..., Any]) -> None:
        with pytest.raises(OptionError, match=r"^pool_size: ") as caught:
            opener("memory://", pool_size=3)
        assert caught.value.details == {"option": "pool_size"}

    def test_with_a_mistyped_option_says_what_was_meant(self) -> None:
        with pytest.raises(OptionError, match="did you mean namespace"):
            open_storage("memory://", namspace="x")

    def test_with_a_namespace_that_is_no_name_is_refused(self) -> None:
        with pytest.raises(OptionError, match="namespace"):
            open_storage("memory://", namespace=3)

    @pytest.mark.parametrize("opener", [open_storage, open_leases, open_notifier])
    @pytest.mark.parametrize(
        "url", ["memory:", "memory", "postgresql://me:secret@host/db", "memory://a/b", "memory://a?b=c", ""]
    )
    def test_of_another_form_is_refused_without_repeating_it(self, opener: Callable[..., Any], url: str) -> None:
        with pytest.raises(SquidieError, match="memory://name") as caught:
            opener(url)
        assert "secret" not in str(caught.value)
