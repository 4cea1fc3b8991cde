"""Steps that may take only so long."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest

from adapters.harnesses.memory import MemoryHarness
from squidie_core import (
    Defer,
    FailStep,
    Resource,
    Retry,
    Snapshot,
    Squidie,
    StepContext,
    Workflow,
    end,
    sequence,
    step,
    trigger,
)
from squidie_core.journal.entries import AttemptClaimed, AttemptCompleted, AttemptHeartbeat
from squidie_core.memory import MemoryStorage, MemoryWorld
from tests.clocks import Clock
from tests.constructs.racing import Arena, in_many_orders
from tests.runtime.flows import Stage, on
from tests.runtime.stores import Store, assert_consistent, entries_of, working
from tests.runtime.waiting import PATIENCE, eventually

SHORT = 0.3
"""Seconds: a timeout that a test waits for."""


def hold(ctx: StepContext, stage: Resource[Stage]) -> dict[str, Any]:
    """Stay the first time until the test says so, whatever happens; then give a result."""
    if stage.begin(ctx) == 1:
        stage.opened.wait(PATIENCE)
    return {"attempt": ctx.attempt}


async def sleep(ctx: StepContext, stage: Resource[Stage]) -> dict[str, Any]:
    """Sleep the first time, for longer than anybody waits."""
    if stage.begin(ctx) == 1:
        try:
            await asyncio.sleep(PATIENCE)
        finally:
            stage.went_on += 1
    return {"attempt": ctx.attempt}


async def sleep_through(ctx: StepContext, stage: Resource[Stage]) -> dict[str, Any]:
    """Ignore the cancellation until the test says so."""
    if stage.begin(ctx) == 1:
        while not stage.opened.is_set():
            try:
                await asyncio.sleep(0.01)
            except asyncio.CancelledError:
                stage.went_on += 1
    return {"attempt": ctx.attempt}


class Plain(Workflow, name="plain"):
    begin = trigger.manual()
    act = step(hold, timeout=SHORT, retry=Retry(9, None))


class Soft(Workflow, name="soft"):
    begin = trigger.manual()
    act = step(sleep, timeout=SHORT, retry=Retry(9, None))


class Deaf(Workflow, name="deaf"):
    begin = trigger.manual()
    act = step(sleep_through, timeout=SHORT, retry=Retry(9, None))


class Once(Workflow, name="once"):
    begin = trigger.manual()
    act = step(hold, timeout=SHORT)


def over(squidie: Squidie, run: Snapshot) -> Snapshot:
    """The run, when it is over."""
    eventually(lambda: squidie.inspect_run(run).terminal)
    return squidie.inspect_run(run)


class TestAWorker:
    @pytest.mark.parametrize("workflow", [Plain, Soft])
    def test_fails_what_takes_too_long_and_tries_again(self, store: Store, workflow: type[Workflow]) -> None:
        stage = Stage()
        squidie = store.open(workflow, resources=on(stage))
        with working(squidie):
            run = squidie.start(workflow)
            eventually(lambda: squidie.inspect_run(run).status == "completed")
            assert stage.calls[0].cancelled
            assert not stage.calls[-1].cancelled
            stage.opened.set()
        found = squidie.inspect_run(run)
        first, *_, last = found.attempts  # a busy machine may need more than two
        assert (first.status, first.error and first.error["code"]) == ("failed", "step_timeout")
        assert (last.status, last.error, found.context["attempt"]) == ("applied", None, len(found.attempts))
        if workflow is Soft:
            assert stage.went_on == 1, "the coroutine itself was cancelled"
        assert_consistent(squidie, run)

    def test_says_so_while_the_body_still_runs(self, memory: Store) -> None:
        stage = Stage()
        squidie = memory.open(Once, resources=on(stage))
        with working(squidie, lease_for=30):
            run = squidie.start(Once.begin)
            failed = over(squidie, run)
            assert not stage.opened.is_set()
            assert failed.error is not None
            assert (failed.error["code"], failed.error["step"]) == ("step_timeout", "act")
            stage.opened.set()
        assert squidie.inspect_run(run).rev == failed.rev, "nothing late has an effect"

    @pytest.mark.parametrize("workflow", [Once, Deaf])
    def test_gives_the_slot_away_when_the_body_is_over_and_not_before(
        self, memory: Store, workflow: type[Workflow]
    ) -> None:
        stage = Stage()
        squidie = memory.open(workflow, resources=on(stage))
        run = squidie.start(workflow)
        with working(squidie, concurrency=1, async_concurrency=1):
            eventually(lambda: squidie.inspect_run(run).attempts[0].status == "failed")
            metrics = squidie.metrics()
            assert metrics.bodies_in_flight == 1
            assert metrics.attempts_failed == 1
            assert len(stage.calls) == 1, "there is no slot for the second attempt"
            stage.opened.set()
            eventually(lambda: squidie.inspect_run(run).terminal)
            eventually(lambda: squidie.metrics().bodies_in_flight == 0)

    def test_has_all_its_slots_again_afterwards(self, memory: Store) -> None:
        """Ten bodies outlast their time in two slots; two others then run side by side."""
        stage = Stage()

        def outlast(ctx: StepContext, stage: Resource[Stage]) -> None:
            stage.begin(ctx)
            while not ctx.cancelled:
                stage.opened.wait(0.005)

        class Outlasting(Workflow, name="outlasting"):
            begin = trigger.manual()
            act = step(outlast, timeout=0.02)

        beside = threading.Barrier(2)

        def meet() -> None:
            beside.wait(PATIENCE)

        class Meeting(Workflow, name="meeting"):
            begin = trigger.manual()
            act = step(meet)

        squidie = memory.open(Outlasting, Meeting, resources=on(stage))
        runs = [squidie.start(Outlasting.begin) for _ in range(10)]
        with working(squidie, concurrency=2):
            eventually(lambda: all(squidie.inspect_run(run).terminal for run in runs))
            meetings = [squidie.start(Meeting.begin) for _ in range(2)]
            eventually(lambda: all(squidie.inspect_run(run).status == "completed" for run in meetings))

    def test_leaves_alone_what_is_quick_enough(self, memory: Store) -> None:
        class Quick(Workflow, name="quick"):
            begin = trigger.manual()
            one = step(lambda: {"one": 1}, timeout=60)
            two = step(lambda: {"two": 2}, timeout=60)
            transitions = sequence(one, two)

        squidie = memory.open(Quick)
        with working(squidie):
            run = squidie.start(Quick.begin)
            eventually(lambda: squidie.inspect_run(run).status == "completed")
        assert_consistent(squidie, run)

    def test_that_dies_leaves_it_to_the_lease(self, memory: Store) -> None:
        """Nobody but its own worker says of an attempt that it took too long."""
        stage = Stage()
        squidie = memory.open(Plain, resources=on(stage))
        run = squidie.start(Plain.begin)
        thread = threading.Thread(target=squidie.execute_next, kwargs={"lease_for": 0.3})
        thread.start()
        eventually(lambda: stage.calls)
        with working(memory.open(Plain, resources=on(stage))):
            found = over(squidie, run)
        stage.opened.set()
        thread.join(PATIENCE)
        assert found.status == "completed"
        assert [(view.attempt, view.deliveries) for view in found.attempts] == [(1, 2)]


class Clocked:
    """A store in memory whose clock the bodies turn."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.world = MemoryWorld(clock=self.clock)

    def open(self, *workflows: type[Workflow], resources: Any = None) -> Squidie:
        return Squidie(MemoryStorage(world=self.world), workflows=workflows, resources=resources or {})


def fails() -> None:
    raise FailStep("no")


class TestExecuteNext:
    @pytest.mark.parametrize("late", [lambda: {"late": True}, lambda: Defer("later", after=1), fails])
    def test_refuses_what_comes_too_late(self, late: Callable[[], Any]) -> None:
        stores = Clocked()

        def dawdle() -> Any:
            stores.clock.now += 10_000
            return late()

        class Dawdling(Workflow, name="dawdling"):
            begin = trigger.manual()
            act = step(dawdle, timeout=10)

        squidie = stores.open(Dawdling)
        squidie.start(Dawdling.begin)
        found = squidie.execute_next(lease_for=60)
        assert found is not None
        assert (found.status, found.error and found.error["code"]) == ("failed", "step_timeout")
        assert "late" not in found.context
        assert squidie.metrics().attempts_failed == 1
        assert squidie.metrics().attempts_completed == 0

    def test_takes_what_comes_at_the_last_moment(self) -> None:
        stores = Clocked()

        def hurry() -> dict[str, bool]:
            stores.clock.now += 9_999
            return {"in_time": True}

        class Hurrying(Workflow, name="hurrying"):
            begin = trigger.manual()
            act = step(hurry, timeout=10)

        squidie = stores.open(Hurrying)
        squidie.start(Hurrying.begin)
        found = squidie.execute_next(lease_for=60)
        assert found is not None
        assert found.context["in_time"] is True

    def test_cancels_a_coroutine(self, store: Store) -> None:
        stage = Stage()
        squidie = store.open(Soft, resources=on(stage))
        run = squidie.start(Soft.begin)
        squidie.drain()
        assert stage.went_on == 1
        found = squidie.inspect_run(run)
        assert found.attempts[0].error is not None
        assert (found.status, found.attempts[0].error["code"]) == ("completed", "step_timeout")
        assert_consistent(squidie, run)

    def test_a_timeout_of_the_body_itself_is_the_bodys(self, memory: Store) -> None:
        async def ask() -> None:
            async with asyncio.timeout(0):
                await asyncio.sleep(PATIENCE)

        class Asking(Workflow, name="asking"):
            begin = trigger.manual()
            act = step(ask, timeout=60)

        squidie = memory.open(Asking)
        squidie.start(Asking.begin)
        found = squidie.execute_next()
        assert found is not None
        assert found.error is not None
        assert (found.error["code"], found.error["type"]) == ("step_exception", "TimeoutError")

    def test_tells_a_plain_body_through_its_context(self, memory: Store) -> None:
        def wait_for_it(ctx: StepContext) -> None:
            eventually(lambda: ctx.cancelled)

        class Asking(Workflow, name="asking"):
            begin = trigger.manual()
            act = step(wait_for_it, timeout=0.05)

        squidie = memory.open(Asking)
        squidie.start(Asking.begin)
        found = squidie.execute_next()
        assert found is not None
        assert found.error is not None
        assert found.error["code"] == "step_timeout"

    def test_says_so_at_once_where_it_has_heartbeats(self, memory: Store) -> None:
        stage = Stage()
        squidie = memory.open(Once, resources=on(stage))
        run = squidie.start(Once.begin)
        thread = threading.Thread(target=squidie.execute_next, kwargs={"heartbeat_every": 0.05})
        thread.start()
        failed = over(squidie, run)
        assert stage.calls[0].cancelled
        stage.opened.set()
        thread.join(PATIENCE)
        assert squidie.inspect_run(run).rev == failed.rev


class TestRoutes:
    def test_it_takes_the_error_route_when_the_attempts_are_used_up(self, memory: Store) -> None:
        def tell(error: dict[str, Any]) -> dict[str, Any]:
            return {"told": error["code"]}

        class Routed(Workflow, name="routed"):
            begin = trigger.manual()
            act = step(sleep, timeout=SHORT)
            telling = step(tell)
            transitions = (act.ok.to(end), act.error.to(telling, recovery="compensation"))

        squidie = memory.open(Routed, resources=on(Stage()))
        run = squidie.start(Routed.begin)
        squidie.drain()
        assert squidie.inspect_run(run).context["told"] == "step_timeout"


class TestLogs:
    def test_it_is_told_once_as_a_failure_and_not_as_a_lost_claim(
        self, memory: Store, caplog: pytest.LogCaptureFixture
    ) -> None:
        stage = Stage()
        squidie = memory.open(Once, resources=on(stage))
        with caplog.at_level(logging.INFO, "squidie"), working(squidie):
            run = squidie.start(Once.begin)
            eventually(lambda: squidie.inspect_run(run).terminal)
            stage.opened.set()
        told = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
        assert told == [f"step act of run {run.id} failed (attempt 1): step_timeout"]


class TestRaces:
    @pytest.mark.parametrize("passing", [[10], [5, 10], [29, 5, 29]])
    def test_whenever_the_time_is_over_a_result_counts_or_it_does_not(self, passing: list[int]) -> None:
        """Time passes while two workers are anywhere between looking, claiming, executing and writing."""

        class Racing(Workflow, name="racing"):
            begin = trigger.manual()
            act = step(hold, timeout=10, retry=Retry(3, None))

        def race(arena: Arena) -> None:
            arena.resources.update(on(Stage(opened=True)))
            run = arena.quiet.start(Racing.begin)

            def pass_time(squidie: Squidie) -> None:
                for seconds in passing:
                    arena.later(squidie, seconds)

            def work(squidie: Squidie) -> None:
                for _ in range(2):
                    squidie.execute_next(owner_id=f"worker {id(squidie)}")

            arena.race(pass_time, work, work)
            found = arena.finish(run)
            assert_consistent(arena.quiet, run)
            claimed: dict[str, int] = {}
            for entry in entries_of(arena.quiet, run):
                if isinstance(entry, AttemptClaimed):
                    claimed[entry.runnable_key] = entry.at
                elif isinstance(entry, AttemptCompleted):
                    assert entry.at < claimed[entry.runnable_key] + 10_000
                assert not isinstance(entry, AttemptHeartbeat)
            late = [view for view in found.attempts if view.error is not None]
            assert all(view.error is not None and view.error["code"] == "step_timeout" for view in late)

        in_many_orders(MemoryHarness, Racing, race=race, clients=3)
