"""Who may execute an attempt: races, leases, take-overs, and what comes too late."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from squidie_core import Resource, Snapshot, Squidie, StepContext, Worker, Workflow, step, trigger
from tests.runtime.flows import Held, HeldChain, Stage, Wide, on
from tests.runtime.processes import Clients
from tests.runtime.stores import SharedStore, Store, assert_consistent, claims_of, working
from tests.runtime.trails import Single, Trail, along
from tests.runtime.waiting import PATIENCE, at_once, eventually

SHORT = 0.3
"""Seconds of a lease that a test lets lapse."""


def hold_twice(ctx: StepContext, stage: Resource[Stage]) -> None:
    stage.enter(ctx)


class Fragile(Workflow, name="fragile"):
    begin = trigger.manual()
    act = step(hold_twice, max_deliveries=2)


def taken_over(squidie: Squidie, *, lease_for: float = 30) -> Snapshot:
    """Execute as soon as there is something, such as an attempt whose lease has lapsed."""
    found = eventually(lambda: squidie.execute_next(owner_id="second", lease_for=lease_for))
    assert found is not None
    return found


class TestRaces:
    def test_of_eight_workers_one_runs_the_body(self, store: Store) -> None:
        stage = Stage(opened=True)
        clients = [store.open(Held, resources=on(stage)) for _ in range(8)]
        run = clients[0].start(Held.begin)
        found = at_once(8, lambda number: clients[number].execute_next())
        assert len(stage.calls) == 1
        assert [one.id for one in found if one is not None and one.terminal] == [run.id]
        assert len(claims_of(clients[0], run)) == 1
        assert_consistent(clients[0], run)

    def test_of_eight_loops_over_many_runs_each_attempt_has_one(self, store: Store) -> None:
        stage = Stage(opened=True)
        clients = [store.open(HeldChain, resources=on(stage)) for _ in range(8)]
        runs = [clients[0].start(HeldChain.begin) for _ in range(10)]
        workers = [Worker(client, concurrency=2) for client in clients]
        threads = [threading.Thread(target=worker.run, daemon=True) for worker in workers]
        for thread in threads:
            thread.start()
        eventually(lambda: all(row.status == "completed" for row in clients[0].list_runs().runs))
        for worker, thread in zip(workers, threads, strict=True):
            worker.stop()
            thread.join(PATIENCE)
        assert len(stage.calls) == 30
        for run in runs:
            assert len(claims_of(clients[0], run)) == 3
            assert_consistent(clients[0], run)

    def test_of_eight_processes_one_runs_the_body(self, shared_store: SharedStore, tmp_path: Path) -> None:
        trail = Trail(tmp_path / "trail")
        squidie = shared_store.open(Single, resources=along(trail))
        run = squidie.start(Single.begin)
        with Clients(shared_store.url, trail.path) as processes:
            said = processes.start("race", copies=8).rest()
        assert len(said) == 8
        assert run.id in said
        assert trail.lines() == [f"{run.id}:only:1"]
        assert len(claims_of(squidie, run)) == 1
        assert_consistent(squidie, run)


class TestLeases:
    def test_what_is_held_is_nobody_elses(self, store: Store) -> None:
        stage = Stage()
        squidie = store.open(Held, resources=on(stage))
        run = squidie.start(Held.begin)
        with working(squidie):
            eventually(lambda: stage.calls)
            assert store.open(Held, resources=on(stage)).execute_next() is None
            stage.opened.set()
            eventually(lambda: squidie.inspect_run(run).terminal)
        assert len(stage.calls) == 1

    def test_when_one_lapses_another_takes_over_and_the_late_outcome_is_dropped(
        self, store: Store, caplog: pytest.LogCaptureFixture
    ) -> None:
        stage, quick = Stage(), Stage(opened=True)
        slow = store.open(Held, resources=on(stage))
        other = store.open(Held, resources=on(quick))
        run = slow.start(Held.begin)
        with ThreadPoolExecutor(1) as pool:
            late = pool.submit(slow.execute_next, owner_id="first", lease_for=SHORT)
            eventually(lambda: stage.calls)
            done = taken_over(other)
            assert (done.status, done.attempts[0].owner_id, done.attempts[0].deliveries) == ("completed", "second", 2)
            stage.opened.set()
            assert late.result(PATIENCE) == other.inspect_run(run)
        assert "its outcome is dropped" in caplog.text
        assert [claim.owner_id for claim in claims_of(other, run)] == ["first", "second"]
        assert stage.calls[0].idempotency_key == quick.calls[0].idempotency_key
        assert stage.calls[0].claim_id != quick.calls[0].claim_id
        assert_consistent(other, run)

    def test_the_late_outcome_is_dropped_while_the_other_is_still_at_it_too(self, store: Store) -> None:
        stages = Stage(), Stage()
        clients = [store.open(HeldChain, resources=on(stage)) for stage in stages]
        run = clients[0].start(HeldChain.begin)
        with ThreadPoolExecutor(2) as pool:
            late = pool.submit(clients[0].execute_next, owner_id="first", lease_for=SHORT)
            eventually(lambda: stages[0].calls)
            pool.submit(taken_over, clients[1])
            eventually(lambda: stages[1].calls)
            stages[0].opened.set()
            found = late.result(PATIENCE)
            assert found is not None
            assert [(view.owner_id, view.status) for view in found.attempts] == [("second", "claimed")]
            stages[1].opened.set()
        done = clients[0].inspect_run(run)
        assert [(view.step, view.status) for view in done.attempts] == [("first", "applied"), ("second", "available")]
        assert_consistent(clients[0], run)

    def test_one_that_has_lapsed_is_said_to_have(self, store: Store) -> None:
        stage = Stage()
        squidie = store.open(Held, resources=on(stage))
        run = squidie.start(Held.begin)
        with ThreadPoolExecutor(1) as pool:
            late = pool.submit(squidie.execute_next, lease_for=SHORT)
            eventually(lambda: squidie.inspect_run(run).reason == "expired_claim")
            stage.opened.set()
            late.result(PATIENCE)
        assert squidie.inspect_run(run).status == "running"

    def test_heartbeats_keep_the_claim_of_a_body_that_takes_long(self, memory: Store) -> None:
        stage = Stage()
        squidie = memory.open(Held, resources=on(stage))
        run = squidie.start(Held.begin)
        with ThreadPoolExecutor(1) as pool:
            long = pool.submit(squidie.execute_next, lease_for=1.5, heartbeat_every=0.05)
            eventually(lambda: stage.calls)
            outlive_the_leases(squidie, run)
            assert memory.open(Held, resources=on(stage)).execute_next() is None
            stage.opened.set()
            done = long.result(PATIENCE)
        assert done is not None
        assert (done.status, done.attempts[0].deliveries, len(stage.calls)) == ("completed", 1, 1)
        assert_consistent(squidie, run)

    def test_a_worker_keeps_its_claims_by_itself(self, memory: Store) -> None:
        stage = Stage()
        squidie = memory.open(Held, resources=on(stage))
        run = squidie.start(Held.begin)
        with working(squidie, lease_for=1.5):
            eventually(lambda: stage.calls)
            outlive_the_leases(squidie, run)
            stage.opened.set()
            eventually(lambda: squidie.inspect_run(run).terminal)
        assert len(claims_of(squidie, run)) == 1
        assert_consistent(squidie, run)

    def test_heartbeats_of_three_workers_in_one_run_do_not_cost_any_its_claim(self, store: Store) -> None:
        stage = Stage()
        clients = [store.open(Wide, resources=on(stage)) for _ in range(3)]
        run = clients[0].start(Wide.begin)
        with ThreadPoolExecutor(3) as pool:
            for number, client in enumerate(clients, 1):
                pool.submit(client.execute_next, owner_id=f"w{number}", lease_for=1.5, heartbeat_every=0.05)
                eventually(lambda so_many=number: len(stage.calls) == so_many)  # type: ignore[misc]
            outlive_the_leases(clients[0], run)
            held = clients[0].inspect_run(run)
            stage.opened.set()
        assert {view.owner_id for view in held.attempts} == {"w1", "w2", "w3"}
        assert clients[0].drain() == 1
        done = clients[0].inspect_run(run)
        assert (done.status, [view.deliveries for view in done.attempts]) == ("completed", [1, 1, 1, 1])
        assert_consistent(clients[0], run)


def outlive_the_leases(squidie: Squidie, run: Snapshot) -> None:
    """Wait until the store's clock is past the leases that there are, and those who held them have new ones."""
    first = {view.runnable_key: view.lease_until for view in squidie.inspect_run(run).attempts if view.lease_until}
    last = max(first.values()).timestamp() * 1000

    def renewed() -> bool:
        now = {view.runnable_key: view.lease_until for view in squidie.inspect_run(run).attempts}
        return squidie.store.storage.clock() > last and all(now[key] != end for key, end in first.items())

    eventually(renewed)


class TestDeliveries:
    def test_too_many_of_them_fail_the_attempt(self, store: Store) -> None:
        stage = Stage()
        squidie = store.open(Fragile, resources=on(stage))
        run = squidie.start(Fragile.begin)
        with ThreadPoolExecutor(2) as pool:
            for number in (1, 2):
                pool.submit(lambda: eventually(lambda: squidie.execute_next(lease_for=SHORT)))
                eventually(lambda so_many=number: len(stage.calls) == so_many)  # type: ignore[misc]
            given_up = taken_over(squidie)
            stage.opened.set()
        assert given_up.status == "failed"
        assert given_up.error is not None
        assert given_up.error["code"] == "max_deliveries"
        assert given_up.attempts[0].deliveries == 2
        assert squidie.inspect_run(run) == given_up
        assert_consistent(squidie, run)


class TestTellingBodies:
    def test_one_in_execute_next_learns_that_its_run_was_cancelled(self, store: Store) -> None:
        stage = Stage()
        squidie = store.open(Held, resources=on(stage))
        run = squidie.start(Held.begin)
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(squidie.execute_next, heartbeat_every=0.05)
            eventually(lambda: stage.calls)
            squidie.cancel(run)
            eventually(lambda: stage.calls[0].cancelled)
            stage.opened.set()
            assert running.result(PATIENCE) == squidie.inspect_run(run)

    def test_one_learns_that_its_claim_is_lost(self, memory: Store, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.WARNING)
        stage, quick = Stage(), Stage(opened=True)
        slow = memory.open(Held, resources=on(stage))
        other = memory.open(Held, resources=on(quick))
        slow.start(Held.begin)
        with ThreadPoolExecutor(1) as pool:
            # Its first look comes after its lease has lapsed.
            running = pool.submit(slow.execute_next, lease_for=SHORT, heartbeat_every=1)
            eventually(lambda: stage.calls)
            taken_over(other)
            eventually(lambda: stage.calls[0].cancelled)
            stage.opened.set()
            assert running.result(PATIENCE) is not None
