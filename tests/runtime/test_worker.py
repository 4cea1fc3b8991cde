"""What a worker promises while it works, and when it stops."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from pathlib import Path
from typing import Any

import pytest

from squidie_core import OptionError, Resource, StepContext, Worker, Workflow, step, trigger
from squidie_core.journal.entries import AttemptReleased
from tests.runtime.flows import Chain, Held, HeldChain, Stage, Wide, on
from tests.runtime.processes import Clients
from tests.runtime.stores import SharedStore, Store, assert_consistent, claims_of, entries_of, working
from tests.runtime.trails import Patient, Single, Trail, along
from tests.runtime.waiting import PATIENCE, eventually


async def softly(ctx: StepContext, stage: Resource[Stage]) -> dict[str, Any]:
    """Wait without a thread."""
    stage.begin(ctx)
    try:
        while not stage.opened.is_set():  # noqa: ASYNC110  # an asyncio.Event would belong to one loop
            await asyncio.sleep(0.005)
    except asyncio.CancelledError:
        stage.went_on += 1
        raise
    return {"softly": True}


class Soft(Workflow, name="soft"):
    begin = trigger.manual()
    act = step(softly)


class TestWorking:
    def test_threads_and_coroutines_run_side_by_side(self, store: Store) -> None:
        stage = Stage()
        squidie = store.open(Held, Soft, resources=on(stage))
        runs = [squidie.start(workflow.begin) for _ in range(3) for workflow in (Held, Soft)]
        with working(squidie, concurrency=3, async_concurrency=3):
            eventually(lambda: len(stage.calls) == 6)
            stage.opened.set()
            eventually(lambda: all(squidie.inspect_run(run).status == "completed" for run in runs))

    def test_more_runs_than_slots_are_all_worked_off_and_never_too_many_at_once(self, store: Store) -> None:
        lock, now_inside, most = threading.Lock(), [0], [0]

        def count() -> None:
            with lock:
                now_inside[0] += 1
                most[0] = max(most[0], now_inside[0])
            with lock:
                now_inside[0] -= 1

        class Counting(Workflow, name="counting"):
            begin = trigger.manual()
            act = step(count)

        squidie = store.open(Counting)
        runs = [squidie.start(Counting.begin) for _ in range(40)]
        with working(squidie, concurrency=2):
            eventually(lambda: all(row.status == "completed" for row in squidie.list_runs().runs))
        assert 1 <= most[0] <= 2
        assert len(claims_of(squidie, runs[0])) == 1

    def test_full_threads_do_not_keep_coroutines_out(self, store: Store) -> None:
        stage = Stage()
        squidie = store.open(Held, Soft, resources=on(stage))
        for _ in range(5):
            squidie.start(Held.begin, priority=0)
        with working(squidie, concurrency=1):
            eventually(lambda: stage.steps() == ["enter"])
            squidie.start(Soft.begin, priority=9)
            eventually(lambda: "act" in stage.steps())
            assert stage.steps().count("enter") == 1
            stage.opened.set()
            eventually(lambda: all(row.status == "completed" for row in squidie.list_runs().runs))

    def test_a_step_is_claimed_in_the_commit_that_ends_the_one_before(self, memory: Store) -> None:
        squidie = memory.open(Chain, resources=on(Stage()))
        run = squidie.start(Chain.begin)
        with working(squidie):
            eventually(lambda: squidie.inspect_run(run).terminal)
        # start, claim, two that end one step and claim the next, the last
        assert len(list(squidie.store.storage.read(run.id))) == 5
        assert_consistent(squidie, run)

    def test_wide_runs_are_joined(self, store: Store) -> None:
        stage = Stage(opened=True)
        squidie = store.open(Wide, resources=on(stage))
        runs = [squidie.start(Wide.begin) for _ in range(10)]
        with working(squidie, concurrency=8):
            eventually(lambda: all(squidie.inspect_run(run).status == "completed" for run in runs))
        assert len(stage.calls) == 40
        assert_consistent(squidie, runs[0])

    def test_what_a_body_sets_in_context_variables_is_not_for_the_next_one(self, memory: Store) -> None:
        """In the same thread, for another customer."""
        tenant: contextvars.ContextVar[str] = contextvars.ContextVar("tenant")
        seen: list[str | None] = []

        def enter(name: str) -> None:
            seen.append(tenant.get(None))
            tenant.set(name)

        class Entering(Workflow, name="entering"):
            begin = trigger.manual(name=str)
            first = step(enter)

        squidie = memory.open(Entering)
        with working(squidie, concurrency=1):
            for name in ("a", "b", "c"):
                squidie.start(Entering.begin, {"name": name})
            eventually(lambda: len(seen) == 3)
        for name in ("d", "e"):
            squidie.start(Entering.begin, {"name": name})
        squidie.drain()
        assert seen == [None] * 5
        tenant.set("of who asks")
        squidie.start(Entering.begin, {"name": "f"})
        squidie.drain()
        assert (seen[-1], tenant.get()) == ("of who asks", "of who asks")

    def test_its_queue_is_its_own(self, memory: Store) -> None:
        squidie = memory.open(Chain, resources=on(Stage()))
        here, there = squidie.start(Chain.begin, queue="here"), squidie.start(Chain.begin, queue="there")
        with working(squidie, queue="there"):
            eventually(lambda: squidie.inspect_run(there).terminal)
        assert not squidie.inspect_run(here).terminal

    @pytest.mark.parametrize(
        "options",
        [
            {"concurrency": 0},
            {"concurrency": "4"},
            {"async_concurrency": 0},
            {"queue": "no queue"},
            {"owner_id": ""},
            {"lease_for": 0},
            {"grace": -1},
        ],
        ids=repr,
    )
    def test_an_option_that_cannot_be_used_is_refused(self, memory: Store, options: dict[str, Any]) -> None:
        with pytest.raises(OptionError) as refused:
            Worker(memory.open(), **options)
        assert refused.value.details["option"] in options


class TestCancelling:
    @pytest.mark.parametrize("workflow", [Held, Soft])
    def test_it_reaches_the_body(self, memory: Store, workflow: type[Workflow]) -> None:
        stage = Stage()
        squidie = memory.open(Held, Soft, resources=on(stage))
        run = squidie.start(workflow)
        with working(squidie):
            eventually(lambda: stage.calls)
            squidie.cancel(run)
            eventually(lambda: stage.calls[0].cancelled)
            if workflow is Soft:
                eventually(lambda: stage.went_on == 1)  # the coroutine itself is cancelled
            other = squidie.start(Soft.begin)
            stage.opened.set()
            eventually(lambda: squidie.inspect_run(other).status == "completed")
        assert squidie.inspect_run(run).status == "cancelled"
        assert_consistent(squidie, run)


class TestStopping:
    def test_running_bodies_end_and_nothing_more_is_begun(self, store: Store) -> None:
        stage = Stage()
        squidie = store.open(HeldChain, resources=on(stage))
        run = squidie.start(HeldChain.begin)
        worker = Worker(squidie, grace=PATIENCE)
        thread = threading.Thread(target=worker.run, daemon=True)
        thread.start()
        eventually(lambda: stage.calls)
        worker.stop()
        stage.opened.set()
        thread.join(PATIENCE)
        assert not thread.is_alive()
        assert stage.steps() == ["first"]
        found = squidie.inspect_run(run)
        assert [(view.step, view.status) for view in found.attempts] == [("first", "applied"), ("second", "available")]
        assert_consistent(squidie, run)

    def test_coroutines_that_outlast_the_grace_are_cancelled_and_given_back(self, store: Store) -> None:
        stage = Stage()
        squidie = store.open(Soft, resources=on(stage))
        run = squidie.start(Soft.begin)
        with working(squidie, grace=0.05):
            eventually(lambda: stage.calls)
        assert stage.went_on == 1
        view = squidie.inspect_run(run).attempts[0]
        assert (view.status, view.deliveries) == ("available", 0)
        assert isinstance(entries_of(squidie, run)[-1], AttemptReleased)
        stage.opened.set()
        assert squidie.execute_next() is not None
        assert squidie.inspect_run(run).status == "completed"
        assert_consistent(squidie, run)

    def test_threads_that_outlast_the_grace_do_not_hold_it_up(self, memory: Store) -> None:
        stage = Stage()
        squidie = memory.open(Held, resources=on(stage))
        run = squidie.start(Held.begin)
        with working(squidie, grace=0.05, lease_for=0.5):
            eventually(lambda: stage.calls)
        assert stage.went_on == 0
        stage.opened.set()
        eventually(squidie.execute_next)
        found = squidie.inspect_run(run)
        assert (found.status, found.attempts[0].deliveries) == ("completed", 2)
        assert_consistent(squidie, run)

    def test_one_that_is_told_before_it_works_does_nothing(self, memory: Store) -> None:
        squidie = memory.open(Chain, resources=on(Stage()))
        run = squidie.start(Chain.begin)
        worker = Worker(squidie)
        worker.stop()
        worker.run()
        assert claims_of(squidie, run) == []


class TestSignals:
    def test_sigterm_lets_running_bodies_end_gives_the_rest_back_and_exits_well(
        self, shared_store: SharedStore, tmp_path: Path
    ) -> None:
        trail = Trail(tmp_path / "trail")
        squidie = shared_store.open(Patient, Single, resources=along(trail))
        run = squidie.start(Patient.begin)
        with Clients(shared_store.url, trail.path) as processes:
            process = processes.start("work", "30", str(PATIENCE), "1")
            eventually(trail.lines)
            waiting = squidie.start(Single.begin)
            process.terminate()
            trail.write("go")
            assert process.rest() == ["stopped"]
        found = squidie.inspect_run(run)
        assert [(view.step, view.status) for view in found.attempts] == [("wait", "applied"), ("after", "available")]
        assert squidie.inspect_run(waiting).attempts[0].deliveries == 0
        assert squidie.drain() == 2
        assert squidie.inspect_run(run).status == "completed"
        assert_consistent(squidie, run)
