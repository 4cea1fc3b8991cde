"""What both workers promise to coroutine bodies, and what AsyncWorker promises to its host."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from squidie_core import AsyncSquidie, AsyncWorker, StepContext, Workflow
from squidie_core.journal.entries import AttemptReleased
from tests.aio.flows import OWN_CANCELLATIONS, Brief, Play, PlayTwice, Scene, Speech, swallow
from tests.aio.held import HeldStorage
from tests.aio.hosts import WORKFLOWS, Host, LoopHost, Make, ThreadHost, soon
from tests.runtime.stores import Store, assert_consistent, claims_of, entries_of
from tests.runtime.waiting import eventually


class NoExceptionError(BaseException):
    """As test libraries and greenlets have them."""


@pytest.fixture(params=[ThreadHost, LoopHost], ids=["Worker", "AsyncWorker"])
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Yield what makes a host of either kind, and close what they opened."""
    made: list[Host] = []

    def make(*args: Any, **options: Any) -> Host:
        host: Host = request.param(*args, **options)
        made.append(host)
        return host

    yield make
    for host in made:
        host.squidie.close()


def started(host: Host, scene: Scene) -> str:
    """A run whose body has begun, by its id."""
    run = host.squidie.start(Play.begin)
    eventually(lambda: any(ctx.run_id == run.id for ctx in scene.entered))
    return run.id


def finish(host: Host, flow: type[Workflow]) -> None:
    """Start a run, and wait for its end."""
    run = host.squidie.start(flow)
    eventually(lambda: host.squidie.inspect_run(run).status == "completed")


def view(host: Host, run_id: str) -> tuple[str, int]:
    """Status and deliveries of the run's last attempt."""
    last = host.squidie.inspect_run(run_id).attempts[-1]
    return last.status, last.deliveries


class TestBodies:
    def test_run_to_their_ends(self, store: Store, make: Make) -> None:
        scene = Scene()
        scene.may_go.set()
        with make(store.connection(), scene) as host:
            runs = [host.squidie.start(flow.begin) for _ in range(4) for flow in (Play, Speech)]
            eventually(lambda: all(host.squidie.inspect_run(run).status == "completed" for run in runs))
        assert len(scene.loops) == 1
        assert_consistent(host.squidie, runs[0])

    @pytest.mark.parametrize("own", OWN_CANCELLATIONS)
    def test_a_cancellation_of_their_own_is_a_failure_as_any_other(self, memory: Store, make: Make, own: Any) -> None:
        scene = Scene(own)
        with make(memory.connection(), scene) as host:
            run = host.squidie.start(PlayTwice.begin)
            found = eventually(lambda: host.squidie.inspect_run(run).error)
            assert found["type"] == "asyncio.exceptions.CancelledError"
        assert len(host.squidie.inspect_run(run).attempts) == 2

    @pytest.mark.parametrize(
        "error",
        [SystemExit(3), NoExceptionError(), BaseExceptionGroup("", [NoExceptionError(), ValueError()])],
        ids=repr,
    )
    def test_one_that_raises_what_is_no_exception_fails_as_any_other(
        self, memory: Store, make: Make, error: BaseException
    ) -> None:
        async def leave(_scene: Scene, _ctx: StepContext) -> None:
            raise error

        scene = Scene(leave)
        with make(memory.connection(), scene) as host:
            runs = [host.squidie.start(PlayTwice.begin) for _ in range(2)]
            eventually(lambda: all(host.squidie.inspect_run(run).status == "failed" for run in runs))
        assert len(scene.entered) == (2 if isinstance(error, SystemExit) else 4)


class TestTheWorkersOwnLoop:
    def test_outlives_a_body_that_raises_what_ctrl_c_raises(self, memory: Store) -> None:
        async def interrupt(_scene: Scene, _ctx: StepContext) -> None:
            raise KeyboardInterrupt

        with ThreadHost(memory.connection(), Scene(interrupt)) as host:
            runs = [host.squidie.start(Play.begin) for _ in range(2)]
            eventually(lambda: all(host.squidie.inspect_run(run).status == "failed" for run in runs))


class TestCancelledRuns:
    def test_their_bodies_are_cancelled_and_their_slots_free(self, memory: Store, make: Make) -> None:
        scene = Scene()
        with make(memory.connection(), scene, async_concurrency=1) as host:
            run = started(host, scene)
            host.squidie.cancel(run)
            eventually(lambda: scene.cancelled == 1)
            assert scene.entered[0].cancelled
            other = started(host, scene)
            scene.may_go.set()
            eventually(lambda: host.squidie.inspect_run(other).status == "completed")
        assert host.squidie.inspect_run(run).status == "cancelled"
        assert_consistent(host.squidie, run)

    def test_a_body_that_swallows_it_keeps_its_slot_and_has_no_outcome(self, memory: Store, make: Make) -> None:
        scene = Scene(swallow)
        with make(memory.connection(), scene, async_concurrency=1) as host:
            run = started(host, scene)
            host.squidie.cancel(run)
            eventually(lambda: scene.cancelled == 1)
            other = host.squidie.start(Play.begin)
            third = host.squidie.start(Speech.begin)
            eventually(lambda: any(ctx.run_id == third.id for ctx in scene.entered))  # it looked for work since
            assert claims_of(host.squidie, other) == []
            before = len(entries_of(host.squidie, run))
            scene.may_go.set()
            eventually(lambda: host.squidie.inspect_run(other).status == "completed")
        assert len(entries_of(host.squidie, run)) == before


class TestLostLeases:
    @pytest.mark.parametrize("act", [None, swallow], ids=["it ends", "it swallows"])
    def test_the_body_is_cancelled_and_what_it_gives_is_dropped(self, memory: Store, make: Make, act: Any) -> None:
        storage, scene, elsewhere = HeldStorage(memory.connection()), Scene(act), Scene()
        elsewhere.may_go.set()
        other = memory.open(*WORKFLOWS, resources={Scene: elsewhere})
        with make(storage.storage, scene, lease_for=0.3) as host:
            run = started(host, scene)
            with storage.held("commit"):  # no heartbeat comes through
                eventually(other.execute_next)
            eventually(lambda: scene.cancelled == 1)
            assert scene.entered[0].cancelled
            scene.may_go.set()
        found = other.inspect_run(run)
        assert (found.status, found.context, found.attempts[0].deliveries) == ("completed", {"played": True}, 2)
        assert_consistent(other, run)


class TestTimeouts:
    @pytest.mark.parametrize("act", [None, swallow], ids=["it ends", "it swallows"])
    def test_a_body_that_takes_too_long_is_cancelled_and_has_failed(self, memory: Store, make: Make, act: Any) -> None:
        scene = Scene(act)
        with make(memory.connection(), scene) as host:
            run = host.squidie.start(Brief.begin)
            error = eventually(lambda: host.squidie.inspect_run(run).error)
            eventually(lambda: scene.cancelled == 2)
            before = len(entries_of(host.squidie, run))
            scene.may_go.set()
        assert (error["code"], len(scene.entered)) == ("step_timeout", 2)
        assert len(entries_of(host.squidie, run)) == before
        assert_consistent(host.squidie, run)


class TestStopping:
    def test_within_the_grace_bodies_end(self, memory: Store, make: Make) -> None:
        scene = Scene()
        with make(memory.connection(), scene) as host:
            run = started(host, scene)
            host.worker.stop()
            scene.may_go.set()
            host.join()
        assert host.squidie.inspect_run(run).context == {"played": True}
        assert scene.cancelled == 0

    def test_after_it_they_are_cancelled_and_given_back(self, store: Store, make: Make) -> None:
        scene = Scene()
        with make(store.connection(), scene, grace=0.05) as host:
            run = started(host, scene)
            host.stop()
        assert scene.cancelled == 1
        assert view(host, run) == ("available", 0)
        assert isinstance(entries_of(host.squidie, run)[-1], AttemptReleased)

    def test_one_that_swallows_that_and_returns_is_given_back_all_the_same(self, memory: Store, make: Make) -> None:
        """What it returns need not be what the step is for."""

        async def shrug(scene: Scene, _ctx: StepContext) -> None:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                scene.cancelled += 1

        scene = Scene(shrug)
        with make(memory.connection(), scene, grace=0) as host:
            run = started(host, scene)
            host.stop()
        assert (scene.cancelled, view(host, run)) == (1, ("available", 0))

    def test_one_that_does_not_end_holds_nobody_up_and_its_claim_lapses(self, memory: Store, make: Make) -> None:
        scene = Scene(swallow)
        host = make(memory.connection(), scene, grace=0, lease_for=0.3)
        with host:
            run = started(host, scene)
            host.worker.stop()
            eventually(lambda: scene.cancelled == 1)
            if isinstance(host, ThreadHost):
                host.join()
            else:
                eventually(lambda: not _threads("squidie-worker"))
            scene.may_go.set()
        found = eventually(host.squidie.execute_next)
        assert (found.id, found.status, found.attempts[0].deliveries) == (run, "completed", 2)


class TestTheHost:
    def test_its_loop_has_the_coroutines_and_threads_have_the_rest(self, memory: Store) -> None:
        scene = Scene()
        scene.may_go.set()
        with LoopHost(memory.connection(), scene) as host:
            for flow in (Play, Speech):
                finish(host, flow)
            assert scene.loops == {host.loop}
            assert len(scene.threads) == 2
            assert host.thread.ident in scene.threads

    def test_what_belongs_to_its_loop_can_be_used(self, memory: Store) -> None:
        async def live() -> None:
            gate = asyncio.Event()

            async def wait(_scene: Scene, _ctx: StepContext) -> dict[str, Any]:
                async with asyncio.timeout(40):
                    await gate.wait()
                return {"waited": True}

            async with AsyncSquidie(
                memory.connection(), workflows=WORKFLOWS, resources={Scene: Scene(wait)}
            ) as squidie:
                worker = AsyncWorker(squidie)
                async with asyncio.TaskGroup() as group:
                    group.create_task(worker.run())
                    run = await squidie.start(Play.begin)
                    gate.set()
                    await asyncio.to_thread(eventually, lambda: squidie.sync.inspect_run(run).terminal)
                    worker.stop()
                assert (await squidie.inspect_run(run)).context == {"waited": True}

        asyncio.run(live())

    def test_cancelling_the_task_is_stopping_with_grace(self, memory: Store) -> None:
        scene = Scene()
        with LoopHost(memory.connection(), scene) as host:
            run = started(host, scene)
            host.cancel()
            scene.may_go.set()
            host.join()
        assert (host.was_cancelled, scene.cancelled) == (True, 0)
        assert host.squidie.inspect_run(run).context == {"played": True}

    def test_cancelling_it_twice_ends_the_grace(self, memory: Store) -> None:
        scene = Scene()
        with LoopHost(memory.connection(), scene) as host:
            run = started(host, scene)
            host.cancel()
            host.cancel()
            host.join()
        assert (host.was_cancelled, scene.cancelled, view(host, run)) == (True, 1, ("available", 0))

    def test_when_it_ends_with_the_worker_still_at_work_bodies_are_given_back(self, memory: Store) -> None:
        """As when `main` returns, or Ctrl-C ends it: everything in the loop is cancelled at once."""
        scene = Scene()
        runs: list[str] = []

        async def main() -> None:
            squidie = AsyncSquidie(memory.connection(), workflows=WORKFLOWS, resources={Scene: scene})
            background = asyncio.create_task(AsyncWorker(squidie).run())
            runs.append((await squidie.start(PlayTwice.begin)).id)
            await soon(lambda: scene.entered)
            assert not background.done()

        asyncio.run(main())
        found = memory.open(*WORKFLOWS, resources={Scene: scene}).inspect_run(runs[0])
        assert scene.cancelled == 1
        assert [(each.status, each.deliveries) for each in found.attempts] == [("available", 0)]

    def test_one_that_closes_its_loop_without_a_word_keeps_no_thread(self, memory: Store) -> None:
        scene = Scene()
        loop = asyncio.new_event_loop()
        squidie = AsyncSquidie(memory.connection(), workflows=WORKFLOWS, resources={Scene: scene})

        async def some_of_it() -> asyncio.Task[None]:
            task = asyncio.create_task(AsyncWorker(squidie, grace=0.05).run())
            await squidie.start(Play.begin)
            await soon(lambda: scene.entered)
            return task

        task = loop.run_until_complete(some_of_it())
        loop.close()
        task.get_coro().close()  # as when it is collected
        del task
        eventually(lambda: not _threads("squidie-worker"))

    def test_a_bug_in_an_adapter_reaches_who_awaits_it(self, memory: Store) -> None:
        storage = HeldStorage(memory.connection())
        storage.broken.add("due")

        async def live() -> None:
            squidie = AsyncSquidie(storage.storage, workflows=WORKFLOWS, resources={Scene: Scene()})
            with pytest.raises(ZeroDivisionError):
                await AsyncWorker(squidie).run()

        asyncio.run(live())

    def test_nor_do_bodies_outlive_the_worker_then(self, memory: Store) -> None:
        storage, scene = HeldStorage(memory.connection()), Scene()

        async def live() -> None:
            squidie = AsyncSquidie(storage.storage, workflows=WORKFLOWS, resources={Scene: scene})
            working = asyncio.create_task(AsyncWorker(squidie).run())
            await squidie.start(Play.begin)
            await soon(lambda: scene.entered)
            storage.broken |= {"due", "heads"}
            with pytest.raises(ZeroDivisionError):
                await working
            await soon(lambda: scene.cancelled == 1)

        asyncio.run(live())

    def test_may_have_two_workers_in_its_loop_and_stop_one(self, memory: Store) -> None:
        scene = Scene()

        async def live() -> None:
            async with AsyncSquidie(memory.connection(), workflows=WORKFLOWS, resources={Scene: scene}) as squidie:
                one, other = (
                    asyncio.create_task(AsyncWorker(squidie, queue=queue).run()) for queue in ("one", "other")
                )
                runs = [await squidie.start(Play.begin, queue=queue) for queue in ("one", "other")]
                await soon(lambda: len(scene.entered) == 2)
                one.cancel()
                scene.may_go.set()
                with pytest.raises(asyncio.CancelledError):
                    await one
                later = await squidie.start(Play.begin, queue="other")
                await asyncio.to_thread(eventually, lambda: squidie.sync.inspect_run(later).status == "completed")
                assert [(await squidie.inspect_run(run)).status for run in runs] == ["completed", "completed"]
                other.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await other

        asyncio.run(live())

    def test_what_its_task_was_once_told_is_no_reason_to_stop(self, memory: Store) -> None:
        """Whoever swallows a cancellation keeps its count, and so does a task group that has failed, before 3.13."""
        scene = Scene()
        scene.may_go.set()

        async def live(worker: AsyncWorker) -> None:
            me = asyncio.current_task()
            assert me is not None
            me.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0)
            assert me.cancelling() == 1
            await worker.run()

        async def main() -> None:
            async with AsyncSquidie(memory.connection(), workflows=WORKFLOWS, resources={Scene: scene}) as squidie:
                worker = AsyncWorker(squidie)
                living = asyncio.create_task(live(worker))
                for _ in range(2):
                    run = await squidie.start(Play.begin)
                    await asyncio.to_thread(eventually, lambda run=run: squidie.sync.inspect_run(run).terminal)
                worker.stop()
                await living

        asyncio.run(main())

    def test_its_signals_are_its_own_unless_it_lends_them(self, memory: Store) -> None:
        scene = Scene()

        async def live(*, lend: bool) -> Any:
            async with AsyncSquidie(memory.connection(), workflows=WORKFLOWS, resources={Scene: scene}) as squidie:
                worker = AsyncWorker(squidie)
                running = asyncio.create_task(worker.run(install_signal_handlers=lend))
                await asyncio.sleep(0)
                found = signal.getsignal(signal.SIGTERM)
                if lend:
                    os.kill(os.getpid(), signal.SIGTERM)
                else:
                    worker.stop()
                await running
                return found

        before = signal.getsignal(signal.SIGTERM)
        assert asyncio.run(live(lend=False)) == before
        assert asyncio.run(live(lend=True)) != before
        assert signal.getsignal(signal.SIGTERM) == before


def _threads(name: str) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == name]
