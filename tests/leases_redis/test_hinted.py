"""The ready set before a storage: what it saves, and that losing it loses nothing."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Unpack
from uuid import uuid4

import pytest

from squidie_contract.engine.appends import OFFERS, Changes, append, nudge
from squidie_core import Squidie
from squidie_core.errors import OptionError, Unavailable
from squidie_core.journal.commit import NO_HEAD, Append, Commit, Head
from squidie_core.memory import MemoryStorage, MemoryWorld
from squidie_core.ports import Storage
from squidie_core.ports.health import Diagnosable
from squidie_core.ports.storage import DueBatch, HeadStatus
from squidie_leases_redis import HintedStorage, hinted
from squidie_storage_sql import open_postgresql
from tests.leases_redis.flows import ALL, Chain, Trail
from tests.leases_redis.processes import Processes
from tests.leases_redis.wire import Relay
from tests.runtime.stores import assert_consistent, working
from tests.runtime.waiting import eventually
from tests.servers import Redis

SELDOM = 3600
"""Seconds between sweeps, where a test shall see what goes without."""


class Watched(MemoryStorage):
    """Counts what it is asked, and fails when it is told to."""

    def __init__(self, namespace: str, world: MemoryWorld) -> None:
        super().__init__(namespace, world=world)
        self.asked: Counter[str] = Counter()
        self.fails = False

    def due(self, queue: str, *, offers: Sequence[str], limit: int, reserve_for: int) -> DueBatch:
        self.asked["due"] += 1
        return super().due(queue, offers=offers, limit=limit, reserve_for=reserve_for)

    def heads(self, thread_ids: Sequence[str]) -> dict[str, HeadStatus]:
        self.asked["heads"] += 1
        if self.fails:
            raise Unavailable("told to fail")
        return dict(super().heads(thread_ids))


class Clients:
    """Hinted clients of one store and one Redis."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.namespace = f"t-{uuid4().hex}"
        self.world = MemoryWorld()
        self._opened: list[HintedStorage] = []

    def open(self, *, url: str | None = None, **options: object) -> tuple[HintedStorage, Watched]:
        """Another process's, which has looked once."""
        store = Watched(self.namespace, self.world)
        client = hinted(store, url or self.url, **{"sweep_every": SELDOM, **options})
        self._opened.append(client)
        for _ in range(2):  # the first look at the store, and the first at Redis, which may be newer than the last look
            assert due(client) == []
        store.asked.clear()
        return client, store

    def close(self) -> None:
        for client in self._opened:
            client.close()


@pytest.fixture
def clients(redis_url: str) -> Iterator[Clients]:
    made = Clients(redis_url)
    yield made
    made.close()


def due(storage: Storage, *, queue: str = "default", offers: Sequence[str] = OFFERS, limit: int = 100) -> list[str]:
    """The ids of what a worker is given."""
    return [run.thread_id for run in storage.due(queue, offers=offers, limit=limit, reserve_for=0).runs]


def start(storage: Storage, *names: str, **changes: Unpack[Changes]) -> list[Append]:
    """Runs that are due now, unless it is said otherwise."""
    index: Changes = {"wake_at": storage.clock() - 1, **changes}
    made = [append(name, NO_HEAD, **index) for name in names]
    storage.commit([Commit((one,)) for one in made])
    return made


class TestWhatWasCommitted:
    def test_is_found_without_asking_the_store_what_is_due(self, clients: Clients) -> None:
        here, _ = clients.open()
        there, asked = clients.open()
        (made,) = start(here, "a")
        (run,) = there.due("default", offers=OFFERS, limit=9, reserve_for=0).runs
        assert (run.thread_id, run.head) == ("a", made.head)
        assert asked.asked == {"heads": 1}

    def test_goes_to_one_of_those_who_look(self, clients: Clients) -> None:
        here, _ = clients.open()
        there, _ = clients.open()
        start(here, *map(str, range(20)))
        found = [due(client, limit=3) for _ in range(5) for client in (here, there)]
        assert sorted(name for names in found for name in names) == sorted(map(str, range(20)))
        assert max(map(len, found)) == 3

    def test_is_for_those_who_offer_what_it_needs(self, clients: Clients) -> None:
        here, asked = clients.open()
        start(here, "mine", needs=("w:mine",))
        start(here, "theirs", needs=("w:theirs", "w:both"))
        assert due(here, offers=["w:none"]) == []
        assert due(here, offers=["w:both", "w:mine"], limit=1) == ["mine"]
        assert due(here, offers=["w:both", "w:mine"]) == ["theirs"]
        assert asked.asked["due"] == 0

    def test_is_for_its_queue(self, clients: Clients) -> None:
        here, _ = clients.open()
        due(here, queue="other")
        due(here, queue="other")
        start(here, "a", queue="other")
        assert (due(here), due(here, queue="other")) == ([], ["a"])

    def test_is_not_for_readers_that_are_too_old(self, clients: Clients) -> None:
        here, asked = clients.open()
        start(here, "a", min_reader=99)
        assert due(here) == []
        assert asked.asked["due"] == 0

    def test_comes_by_priority_and_then_by_age(self, clients: Clients) -> None:
        here, asked = clients.open()
        now = here.clock()
        for name, priority, wake_at in [("c", 5, now - 1), ("b", 5, now - 2), ("d", 9, now - 9), ("a", 0, now)]:
            start(here, name, priority=priority, wake_at=wake_at)
        assert due(here, limit=3) == ["a", "b", "c"]
        assert due(here) == ["d"]
        assert asked.asked["due"] == 0

    def test_and_falls_due_later_is_announced(self, clients: Clients) -> None:
        here, _ = clients.open()
        at = here.clock() + 200
        start(here, "a", wake_at=at)
        batch = here.due("default", offers=OFFERS, limit=9, reserve_for=0)
        assert (batch.runs, batch.next_wake) == ([], at)
        assert eventually(lambda: due(here)) == ["a"]
        assert here.clock() >= at

    def test_and_is_not_due_any_more_is_not_given(self, clients: Clients) -> None:
        here, _ = clients.open()
        start(here, "a", "b", "c", "d", "e")
        (a,) = here.read("a")
        here.commit([Commit((append("a", a.head, wake_at=None),))])
        here.quarantine("b", reason="r", by="me")
        here.reserve("c", until=here.clock() + 60_000, reason="r")
        (d,) = here.read("d")
        here.commit([Commit((append("d", d.head, status="completed", ended_at=1, wake_at=None),))])
        assert due(here) == ["e"]

    def test_and_had_no_effect_is_no_hint(self, clients: Clients) -> None:
        here, asked = clients.open()
        here.commit([Commit((append("a", Head(7, 7), wake_at=1),))])
        assert due(here) == []
        assert asked.asked == {}


class TestTheStoreIsAsked:
    def test_every_so_often(self, clients: Clients) -> None:
        here, asked = clients.open(sweep_every=0.05)
        start(asked, "committed by a process without hints")
        assert eventually(lambda: due(here)) == ["committed by a process without hints"]

    def test_when_it_said_that_something_falls_due(self, clients: Clients) -> None:
        plain = MemoryStorage(clients.namespace, world=clients.world)  # a process without hints
        start(plain, "a", wake_at=plain.clock() + 100)
        here, asked = clients.open()
        assert eventually(lambda: due(here)) == ["a"]
        assert asked.asked == {"due": 1}

    def test_but_not_for_what_redis_knows_of(self, clients: Clients) -> None:
        here, _ = clients.open()
        start(here, "a", wake_at=here.clock() + 300)
        there, asked = clients.open()
        assert eventually(lambda: due(there)) == ["a"]
        assert asked.asked == {"heads": 1}

    def test_where_runs_were_nudged(self, clients: Clients) -> None:
        here, _ = clients.open()
        there, asked = clients.open()
        start(here, "parent", wake_at=None)
        here.commit([Commit((append("child", NO_HEAD, wake_at=None),), nudges=("parent",))])
        assert due(there) == ["parent"]
        assert asked.asked["due"] == 1

    def test_again_for_nudged_runs_that_somebody_had_reserved(self, clients: Clients) -> None:
        here, _ = clients.open()
        there, _ = clients.open()
        start(here, "parent", wake_at=None)
        plain = MemoryStorage(clients.namespace, world=clients.world)
        start(plain, "child")
        nudge(here, "parent")
        plain.due("default", offers=OFFERS, limit=9, reserve_for=200)
        assert due(there) == []
        assert eventually(lambda: due(there)) == ["child", "parent"]

    def test_where_more_is_due_than_is_worth_sorting(self, clients: Clients) -> None:
        here, asked = clients.open()
        names = [f"{number:04}" for number in range(600)]
        start(here, *names)
        found: list[str] = []
        while batch := due(here, limit=50):
            for name in batch:
                (made,) = here.read(name)
                here.commit([Commit((append(name, made.head, wake_at=None),))])
            found += batch
        assert sorted(found) == names
        assert 6 <= asked.asked["due"] <= 13

    def test_after_it_failed_to_look_up_what_redis_gave(self, clients: Clients) -> None:
        here, store = clients.open()
        start(here, "a")
        store.fails = True
        with pytest.raises(Unavailable):
            due(here)
        store.fails = False
        assert due(here) == ["a"]

    def test_at_once_when_redis_was_wiped(self, server: Redis) -> None:
        clients = Clients(server.url)
        here, _ = clients.open()
        there, asked = clients.open()
        start(here, "a")
        server.wipe()
        assert due(there) == ["a"]
        assert asked.asked["due"] == 1
        clients.close()

    def test_all_the_time_while_there_is_no_redis(self, server: Redis, caplog: pytest.LogCaptureFixture) -> None:
        clients = Clients(server.url)
        here, _ = clients.open(retry_every=0.05)
        there, _ = clients.open(retry_every=0.05)
        server.kill()
        with caplog.at_level(logging.WARNING, logger="squidie.hints"):
            for name in ("a", "b", "c"):
                start(here, name)
                assert due(there, limit=1) == [name]
                (made,) = there.read(name)
                there.commit([Commit((append(name, made.head, wake_at=None),))])
        assert len(caplog.records) == 2  # one a client, not one a call
        assert [finding.status for finding in here.health()] == ["warn"]
        server.start()
        assert [finding.status for finding in here.health()] == ["ok"]
        start(here, "d")
        assert eventually(lambda: due(there)) == ["d"]
        clients.close()

    def test_without_long_waits_while_redis_hangs(self, server: Redis) -> None:
        """It is left alone for a while after it did not answer."""
        clients = Clients(server.url)
        here, asked = clients.open(timeout=0.1, retry_every=SELDOM)
        there, _ = clients.open()
        server.freeze()
        for number in range(50):
            start(here, str(number))
        assert sorted(due(here)) == sorted(map(str, range(50)))
        assert asked.asked["due"] == 1
        server.thaw()
        assert eventually(lambda: [finding.status for finding in there.health()] == ["ok"])
        due(there)
        start(here, "later")
        assert due(there) == []
        clients.close()


class TestAHintedStorage:
    def test_costs_one_round_trip_a_commit_and_one_a_look(self, clients: Clients, relay: Relay) -> None:
        here, asked = clients.open(url=relay.url.partition("?")[0])
        start(here, "before")
        assert due(here) == ["before"]
        asked.asked.clear()
        with relay.round_trips() as sent:
            start(here, "a", "b", "c", queue="default")
        assert len(sent) == 1
        with relay.round_trips() as sent:
            assert due(here) == ["a", "b", "c"]
        assert (len(sent), asked.asked) == (1, {"heads": 1})
        with relay.round_trips() as sent:
            assert due(here) == []
        assert (len(sent), asked.asked) == (1, {"heads": 1})

    def test_is_a_storage_like_the_one_behind_it(self, clients: Clients) -> None:
        here, store = clients.open()
        assert isinstance(here, Storage)
        assert isinstance(here, Diagnosable)
        assert here.namespace == clients.namespace
        assert (here.capabilities.name, here.capabilities.exclusive_reservations) == ("memory", False)
        here.close()
        with pytest.raises(Unavailable):
            store.clock()

    def test_has_the_namespace_of_its_storage(self) -> None:
        with pytest.raises(OptionError, match="namespace: it is the storage's"):
            hinted(MemoryStorage("n"), "redis://h", namespace="other")

    def test_does_not_see_another_namespace(self, redis_url: str) -> None:
        mine, theirs = Clients(redis_url), Clients(redis_url)
        (here, _), (there, _) = mine.open(), theirs.open()
        start(here, "a")
        assert (due(there), due(here)) == ([], ["a"])
        mine.close()
        theirs.close()

    @pytest.mark.parametrize("server_url", ["redis_url", "redis_6_url", "redis_cluster_url"])
    def test_takes_runs_to_their_end(self, request: pytest.FixtureRequest, server_url: str, tmp_path: Path) -> None:
        clients = Clients(request.getfixturevalue(server_url))
        here, _ = clients.open()
        there, asked = clients.open()
        trail = Trail(tmp_path / "trail")
        with (
            Squidie(here, workflows=ALL, resources={Trail: trail}) as starter,
            Squidie(there, workflows=ALL, resources={Trail: trail}) as squidie,
        ):
            with working(squidie):
                runs = [starter.start(Chain.begin) for _ in range(20)]
                eventually(lambda: all(starter.inspect_run(run).terminal for run in runs))
            for run in runs:
                assert_consistent(starter, run)
        assert len(trail.lines()) == 60
        assert asked.asked["due"] == 0


def test_every_run_ends_whatever_becomes_of_redis(
    migrated_url: str, processes: Processes, server: Redis, tmp_path: Path
) -> None:
    """Redis is wiped, killed, frozen and emptied by a restart under load, and a worker is killed too."""
    store = f"{migrated_url}?namespace=t-{uuid4().hex}"
    trail = Trail(tmp_path / "trail")
    workers = [processes.start("work", store, server.url, tmp_path / "trail") for _ in range(2)]
    storage = hinted(open_postgresql(store), server.url, sweep_every=1, retry_every=0.2, timeout=0.5)
    with Squidie(storage, workflows=ALL, resources={Trail: trail}) as squidie:
        runs: list[str] = []

        def load() -> None:
            runs.extend(squidie.start(Chain.begin).id for _ in range(40))

        load()
        server.wipe()
        load()
        eventually(lambda: len(trail.lines()) >= 20)
        server.kill()
        load()
        server.start()
        server.wipe()
        load()
        server.freeze()
        load()
        eventually(lambda: len(trail.lines()) >= 100)
        workers[0].kill()
        server.thaw()
        load()
        server.wipe()
        eventually(lambda: len(squidie.list_runs(status="completed", limit=1000).runs) == len(runs))
        for run in runs:
            assert_consistent(squidie, run)
    storage.close()
    workers[1].go_on()
    workers[1].rest()
