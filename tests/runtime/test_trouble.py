"""Runs that cannot be read, and a store that is away: the rest goes on."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from squidie_core import Corrupt, Resource, Squidie, StepContext, Unavailable, UnknownVersion, Workflow, step, trigger
from squidie_core.journal.commit import Commit, CommitResult
from squidie_core.memory import MemoryStorage
from squidie_core.ports.storage import Capabilities, DueBatch, HeadStatus
from squidie_core.runtime.clock import StoreClock
from squidie_storage_sql import open_postgresql
from tests.runtime.flows import Chain, Held, OneStep, Order, Stage, on
from tests.runtime.stores import Store, assert_consistent, claims_of, working
from tests.runtime.waiting import PATIENCE, eventually
from tests.servers import MissingServerError, Postgres

GARBAGE = {
    "no JSON": "[{",
    "no entries": '{"type":"run_started"}',
    "an entry without its fields": '[{"type":"run_terminal"}]',
    "entries that are missing": "[]",
    "a number": "[7]",
}


class Turns(Stage):
    """A stage on which each call has a turn of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.turns = [threading.Event(), threading.Event()]


def take_turns(ctx: StepContext, stage: Resource[Turns]) -> None:
    turn = stage.turns[stage.begin(ctx) - 1]
    if not turn.wait(PATIENCE):
        raise TimeoutError("nobody gave the turn")
    stage.went_on += 1


class InTurn(Workflow, name="in-turn"):
    begin = trigger.manual()
    act = step(take_turns)


def give_nothing() -> dict[str, Any]:
    return {}


class Watched(MemoryStorage):
    """A storage whose commits tests can count, and that they can cut off."""

    def __init__(self) -> None:
        super().__init__()
        self.commits: list[int] = []
        self.away = threading.Event()

    def commit(self, commits: Sequence[Commit]) -> Sequence[CommitResult]:
        self._check()
        self.commits.append(len(commits))
        return super().commit(commits)

    def due(self, queue: str, *, offers: Sequence[str], limit: int, reserve_for: int) -> DueBatch:
        self._check()
        return super().due(queue, offers=offers, limit=limit, reserve_for=reserve_for)

    def heads(self, thread_ids: Sequence[str]) -> Mapping[str, HeadStatus]:
        self._check()
        return super().heads(thread_ids)

    def _check(self) -> None:
        if self.away.is_set():
            raise Unavailable


class TestCorruption:
    def test_one_run_is_quarantined_and_reported_and_goes_on_after_repair(self, store: Store) -> None:
        squidie = store.open(Chain, resources=on(Stage()))
        bad = squidie.start(Chain.begin, priority=0)
        kept = store.rewrite(bad.id, lambda _: "[{")
        good = [squidie.start(Chain.begin) for _ in range(3)]
        with working(squidie, owner_id="finder"):
            eventually(lambda: all(squidie.inspect_run(run).status == "completed" for run in good))
            found = eventually(lambda: squidie.list_runs(quarantined=True).runs)
            assert [row.id for row in found] == [bad.id]
            assert found[0].quarantined
            with pytest.raises(Corrupt) as refused:
                squidie.inspect_run(bad)
            assert refused.value.code == "corrupt"
            for command in (squidie.cancel, squidie.resume):
                with pytest.raises(Corrupt):
                    command(bad)
            assert {row.id for row in squidie.list_runs().runs} == {bad.id, *(run.id for run in good)}
            store.rewrite(bad.id, lambda _: kept)
            assert squidie.inspect_run(bad).reason == "quarantined"
            assert squidie.unquarantine(bad)
            eventually(lambda: squidie.inspect_run(bad).status == "completed")
        assert squidie.list_runs(quarantined=True).runs == ()
        assert_consistent(squidie, bad)

    @pytest.mark.parametrize("garbage", list(GARBAGE.values()), ids=list(GARBAGE))
    def test_drain_goes_past_it_whatever_it_is(self, memory: Store, garbage: str) -> None:
        squidie = memory.open(OneStep)
        bad = squidie.start(OneStep.place, Order("bad"), priority=0)
        memory.rewrite(bad.id, lambda _: garbage)
        good = squidie.start(OneStep.place, Order("good"))
        assert squidie.drain() == 1
        assert squidie.inspect_run(good).status == "completed"
        assert [row.id for row in squidie.list_runs(quarantined=True).runs] == [bad.id]

    def test_a_run_whose_definition_is_lost_is_quarantined(self, store: Store) -> None:
        starting = store.open(Chain, resources=on(Stage()))
        bad = starting.start(Chain.begin)
        store.forget_definitions()

        class Other(Workflow, name="chain"):
            begin = trigger.manual()
            first = step(give_nothing)

        squidie = store.open(Other)
        good = squidie.start(Other.begin)
        squidie.drain()
        assert squidie.inspect_run(good).status == "completed"
        assert [row.id for row in squidie.list_runs(quarantined=True).runs] == [bad.id]

    def test_a_run_from_the_future_is_left_alone(self, store: Store) -> None:
        def renamed(body: str) -> str:
            entries = json.loads(body)
            entries[-1]["type"] = "runnables_dreamt"
            return json.dumps(entries)

        squidie = store.open(Chain, resources=on(Stage()))
        newer = squidie.start(Chain.begin, priority=0)
        kept = store.rewrite(newer.id, renamed)
        good = squidie.start(Chain.begin)
        assert squidie.drain() == 3
        assert squidie.inspect_run(good).status == "completed"
        with pytest.raises(UnknownVersion):
            squidie.inspect_run(newer)
        assert squidie.list_runs(quarantined=True).runs == ()
        store.rewrite(newer.id, lambda _: kept)
        eventually(lambda: squidie.drain() or squidie.inspect_run(newer).terminal)
        eventually(lambda: squidie.drain() == 0 and squidie.inspect_run(newer).status == "completed")


class TestAStoreThatIsAway:
    def test_a_worker_takes_its_own_attempt_over_when_its_lease_lapsed_meanwhile(self) -> None:
        stage = Turns()
        storage = Watched()
        squidie = Squidie(storage, workflows=[InTurn], resources={Turns: stage})
        run = squidie.start(InTurn.begin)
        with working(squidie, lease_for=0.3, concurrency=2):
            eventually(lambda: stage.calls)
            storage.away.set()
            lapsed = squidie.store.state(run.id).wake_at() or 0
            # A heartbeat may be on its way: its lease, which is twice as long, must lapse too.
            eventually(lambda: storage.clock() > lapsed + 1000)
            storage.away.clear()
            eventually(lambda: len(stage.calls) == 2)
            eventually(lambda: stage.calls[0].cancelled)
            assert not stage.calls[1].cancelled
            stage.turns[0].set()
            eventually(lambda: stage.went_on == 1)
            stage.turns[1].set()
            eventually(lambda: squidie.inspect_run(run).terminal)
        assert len(claims_of(squidie, run)) == 2
        assert_consistent(squidie, run)

    def test_a_worker_survives_a_server_that_crashes_and_comes_back(self) -> None:
        try:
            server = Postgres(fsync=False)
        except MissingServerError as missing:
            if os.environ.get("CI"):
                raise
            pytest.skip(str(missing))
        try:
            open_postgresql.migrate(server.url)
            stage = Stage()
            with Squidie(server.url, workflows=[Chain, Held], resources=on(stage)) as squidie:
                held = squidie.start(Held.begin)
                with working(squidie, concurrency=8) as worker:
                    eventually(lambda: stage.calls)
                    server.kill()
                    stage.opened.set()
                    eventually(lambda: stage.went_on)
                    server.start()
                    runs = [eventually(lambda: _started(squidie)) for _ in range(20)]
                    eventually(lambda: all(row.status == "completed" for row in squidie.list_runs().runs))
                    assert worker.owner_id
                for run in (held.id, *runs):
                    assert_consistent(squidie, run)
        finally:
            server.stop()


def _started(squidie: Any) -> str | None:
    """The id of a new run, or None where the store was not there yet."""
    try:
        run_id: str = squidie.start(Chain.begin).id
    except Unavailable:
        return None
    return run_id


def pass_by(ctx: StepContext, stage: Resource[Stage]) -> None:
    stage.enter(ctx)


class Passing(Workflow, name="passing"):
    begin = trigger.manual()
    act = step(pass_by)


class FarAway(MemoryStorage):
    """A storage whose requests are on their way for a while before they arrive."""

    @property
    def capabilities(self) -> Capabilities:
        return replace(super().capabilities, local_clock=False)

    def clock(self) -> int:
        time.sleep(0.05)
        return super().clock()

    def time_there(self) -> int:
        return super().clock()


class TestAStoreThatIsFarAway:
    def test_its_time_is_not_taken_to_be_later_than_it_is(self) -> None:
        storage = FarAway()
        clock = StoreClock(storage)
        assert clock.now() <= storage.time_there()
        for _ in range(3):
            clock.observe(storage.clock())
            assert clock.now() <= storage.time_there()

    def test_what_is_started_is_due_at_once(self) -> None:
        squidie = Squidie(FarAway(), workflows=[OneStep])
        squidie.start(OneStep.place, Order("o"))
        assert squidie.drain() == 1


class TestGroups:
    def test_what_ends_together_is_written_together(self) -> None:
        stage = Stage()
        storage = Watched()
        squidie = Squidie(storage, workflows=[Passing], resources=on(stage))
        runs = [squidie.start(Passing.begin) for _ in range(60)]
        storage.commits.clear()
        with working(squidie, concurrency=64):
            eventually(lambda: len(stage.calls) == len(runs))
            claims = list(storage.commits)
            storage.commits.clear()
            stage.opened.set()
            eventually(lambda: all(row.status == "completed" for row in squidie.list_runs().runs), within=PATIENCE)
        assert sum(claims) == sum(storage.commits) == len(runs)
        assert len(claims) <= 5
        assert len(storage.commits) < len(runs)
