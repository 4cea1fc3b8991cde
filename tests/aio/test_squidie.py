"""What AsyncSquidie promises beside what Squidie promises."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from squidie_core import (
    AsyncSquidie,
    FailStep,
    InvalidTransitionError,
    NotFoundError,
    OptionError,
    RetryStep,
    Squidie,
    StepContext,
    Unavailable,
    Workflow,
    sequence,
    step,
    trigger,
)
from squidie_core.journal.entries import AttemptReleased, RunnablesPlanned
from squidie_core.memory import MemoryStorage
from tests.aio.flows import OWN_CANCELLATIONS, Brief, Mixed, Play, PlayTwice, Scene, Speech, swallow
from tests.aio.held import HeldStorage
from tests.aio.hosts import soon
from tests.runtime.flows import OneStep, Order
from tests.runtime.stores import Store, assert_consistent, claims_of, entries_of
from tests.runtime.waiting import PATIENCE

EVERYTHING = (Brief, Mixed, OneStep, Play, PlayTwice, Speech)


def twin(store: Store, scene: Scene | None = None, **options: Any) -> AsyncSquidie:
    """One more client of the store."""
    return AsyncSquidie(store.connection(), workflows=EVERYTHING, resources={Scene: scene or Scene()}, **options)


class TestARun:
    def test_goes_from_start_to_end(self, store: Store) -> None:
        async def go() -> None:
            scene = Scene()
            scene.may_go.set()
            async with twin(store, scene) as squidie:
                run = await squidie.start(Mixed.begin, {"who": "ada"}, idempotency_key="k-1")
                again = await squidie.start(Mixed, {"who": "ada"}, idempotency_key="k-1")
                assert again.id == run.id
                assert await squidie.drain() == 1
                with pytest.raises(InvalidTransitionError):
                    await squidie.resume(run)
                await squidie.approve(run, actor="ada")
                ended = await squidie.execute_next()
                assert ended is not None
                assert (ended.status, ended.context["spoken"]) == ("completed", True)
                assert await squidie.execute_next() is None
                many = await squidie.start_many(OneStep.place, [Order("a"), Order("b")])
                assert (await squidie.cancel(many[0])).status == "cancelled"
                listed = await squidie.list_runs(status="cancelled")
                assert [row.id for row in listed.runs] == [many[0].id]
                assert (await squidie.inspect_run(run, include_history=True)).history
                assert squidie.metrics().runs_started == 3
                with pytest.raises(NotFoundError):
                    await squidie.inspect_run("00000000-0000-7000-8000-000000000000")
                await asyncio.to_thread(assert_consistent, squidie.sync, run)

        asyncio.run(go())

    def test_bodies_run_where_they_belong(self, memory: Store) -> None:
        async def go() -> None:
            scene = Scene()
            scene.may_go.set()
            async with twin(memory, scene) as squidie:
                await squidie.start(Play.begin)
                await squidie.execute_next()
                assert scene.loops == {asyncio.get_running_loop()}
                await squidie.start(Speech.begin)
                await squidie.execute_next()
                assert len(scene.threads) == 2

        asyncio.run(go())

    def test_who_asked_is_seen_by_bodies_in_their_context_variables(self, memory: Store) -> None:
        tenant: contextvars.ContextVar[str] = contextvars.ContextVar("tenant")
        seen: list[str] = []

        def look() -> None:
            seen.append(tenant.get())

        async def softly() -> None:
            seen.append(tenant.get())

        class Looking(Workflow, name="looking"):
            begin = trigger.manual()
            first = step(look)
            second = step(softly)
            transitions = sequence(first, second)

        async def go() -> None:
            async with AsyncSquidie(memory.connection(), workflows=[Looking]) as squidie:
                await squidie.start(Looking.begin)
                tenant.set("acme")
                assert await squidie.drain() == 2

        asyncio.run(go())
        assert seen == ["acme", "acme"]


class TestOpening:
    def test_from_env(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("SQUIDIE_URL", "memory://")
        monkeypatch.setenv("SQUIDIE_QUEUE", "errands")

        async def go() -> None:
            async with AsyncSquidie.from_env(workflows=[OneStep]) as squidie:
                assert squidie.queue == "errands"
                assert (await squidie.start(OneStep.place, Order("o-1"))).queue == "errands"
                assert repr(squidie).startswith("<AsyncSquidie on memory, queue errands")

        asyncio.run(go())

    def test_what_cannot_be_used_is_refused(self) -> None:
        with pytest.raises(OptionError, match="queue is not a name"):
            AsyncSquidie(MemoryStorage("t"), queue="no queue")

    def test_one_may_be_used_from_two_loops(self, memory: Store) -> None:
        squidie = twin(memory)
        run = asyncio.run(squidie.start(OneStep.place, Order("o-1")))
        found: list[str] = []
        other = threading.Thread(target=lambda: found.append(asyncio.run(squidie.inspect_run(run)).id))
        other.start()
        other.join(PATIENCE)
        asyncio.run(squidie.close())
        assert found == [run.id]


class TestClosing:
    def test_waits_for_a_coroutine_body_and_what_follows_from_it(self, memory: Store) -> None:
        async def go() -> None:
            scene = Scene()
            squidie = twin(memory, scene)
            run = await squidie.start(Play.begin)
            turn = asyncio.create_task(squidie.execute_next())
            await soon(lambda: scene.entered)
            closing = asyncio.create_task(squidie.close())
            await asyncio.sleep(0)
            scene.may_go.set()
            found = await turn
            await closing
            assert found is not None
            assert (found.id, found.status) == (run.id, "completed")

        asyncio.run(go())

    def test_may_be_given_up_and_done_again(self, memory: Store) -> None:
        async def go() -> None:
            scene = Scene()
            squidie = twin(memory, scene)
            await squidie.start(Play.begin)
            turn = asyncio.create_task(squidie.execute_next())
            await soon(lambda: scene.entered)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(squidie.close(), 0.01)
            turn.cancel()
            await squidie.close()
            await squidie.close()
            assert turn.cancelled()

        asyncio.run(go())

    def test_leaves_no_thread_and_nothing_that_can_be_used(self, memory: Store) -> None:
        async def go() -> None:
            squidie = twin(memory)
            run = await squidie.start(OneStep.place, Order("o-1"))
            await squidie.drain()
            mine = [
                thread for thread in threading.enumerate() if thread.name.startswith(("squidie-call", "squidie-turn"))
            ]
            assert mine
            await squidie.close()
            assert not any(thread.is_alive() for thread in mine)
            with pytest.raises(Unavailable, match="closed"):
                await squidie.inspect_run(run)
            with pytest.raises(Unavailable, match="closed"):
                await squidie.execute_next()

        asyncio.run(go())


class TestTheLoop:
    def test_goes_on_while_the_store_is_slow(self, memory: Store) -> None:
        storage = HeldStorage(memory.connection())

        async def go() -> None:
            squidie = AsyncSquidie(storage.storage, workflows=EVERYTHING, resources={Scene: Scene()})
            with storage.held("commit"):
                starting = asyncio.create_task(squidie.start(OneStep.place, Order("o-1")))
                await soon(lambda: storage.waiting == 1)
                assert not starting.done()
            assert (await starting).status == "running"
            await squidie.close()

        asyncio.run(go())

    def test_the_host_may_have_used_up_its_own_threads(self, memory: Store) -> None:
        async def go() -> None:
            loop, gate = asyncio.get_running_loop(), threading.Event()
            busy = [loop.run_in_executor(None, gate.wait, PATIENCE) for _ in range(64)]
            async with twin(memory) as squidie:
                await squidie.start(OneStep.place, Order("o-1"))
                assert await squidie.drain() == 1
            gate.set()
            await asyncio.gather(*busy)

        asyncio.run(go())

    def test_nor_do_children_wait_for_those(self, memory: Store) -> None:
        """A store that is away keeps them for long, and the loop looks up names in these threads."""

        async def start_one(ctx: StepContext) -> None:
            await ctx.start_child_async(OneStep.place, Order("o-1"), child_key="one")

        class Family(Workflow, name="family"):
            begin = trigger.manual()
            first = step(start_one)

        async def go() -> None:
            loop, gate = asyncio.get_running_loop(), threading.Event()
            async with AsyncSquidie(memory.connection(), workflows=[Family, OneStep]) as squidie:
                run = await squidie.start(Family.begin)
                busy = [loop.run_in_executor(None, gate.wait, PATIENCE) for _ in range(64)]
                try:
                    found = await asyncio.wait_for(squidie.execute_next(), PATIENCE / 4)
                finally:
                    gate.set()
                await asyncio.gather(*busy)
                assert found is not None
                assert (found.id, len(found.children)) == (run.id, 1)

        asyncio.run(go())


class TestCancelling:
    def test_a_command_that_has_begun_happens_all_the_same(self, memory: Store) -> None:
        storage = HeldStorage(memory.connection())

        async def go() -> None:
            async with AsyncSquidie(storage.storage, workflows=EVERYTHING, resources={Scene: Scene()}) as squidie:
                with storage.held("commit"):
                    starting = asyncio.create_task(squidie.start(OneStep.place, Order("o-1"), idempotency_key="k-1"))
                    await soon(lambda: storage.waiting == 1)
                    starting.cancel()
                    with pytest.raises(asyncio.CancelledError):
                        await starting
                again = await squidie.start(OneStep.place, Order("o-1"), idempotency_key="k-1")
                assert [row.id for row in (await squidie.list_runs()).runs] == [again.id]

        asyncio.run(go())

    @pytest.mark.parametrize("act", [None, swallow], ids=["it ends", "it swallows"])
    def test_a_coroutine_body_is_cancelled_and_its_attempt_given_back(self, memory: Store, act: Any) -> None:
        async def go() -> None:
            scene = Scene(act)
            async with twin(memory, scene) as squidie:
                run = await squidie.start(Play.begin)
                turn = asyncio.create_task(squidie.execute_next())
                await soon(lambda: scene.entered)
                turn.cancel()
                await soon(lambda: scene.cancelled == 1)
                scene.may_go.set()
                with pytest.raises(asyncio.CancelledError):
                    await turn
                found = await squidie.inspect_run(run)
                assert [(view.status, view.deliveries) for view in found.attempts] == [("available", 0)]
                assert isinstance(entries_of(squidie.sync, run)[-1], AttemptReleased)
                assert await squidie.drain() == 1
                assert (await squidie.inspect_run(run)).context == {"played": True}

        asyncio.run(go())

    def test_a_plain_body_goes_on_and_closing_waits_for_it(self, memory: Store) -> None:
        async def go() -> None:
            scene = Scene()
            squidie = twin(memory, scene)
            run = await squidie.start(Speech.begin)
            turn = asyncio.create_task(squidie.execute_next())
            await soon(lambda: scene.entered)
            turn.cancel()
            with pytest.raises(asyncio.CancelledError):
                await turn
            closing = asyncio.create_task(squidie.close())
            scene.may_go.set()
            await closing
            assert (await asyncio.to_thread(squidie.sync.inspect_run, run)).status == "completed"

        asyncio.run(go())

    def test_between_claim_and_body_the_attempt_is_given_back(self, memory: Store) -> None:
        storage = HeldStorage(memory.connection())

        async def go() -> None:
            scene = Scene()
            async with AsyncSquidie(storage.storage, workflows=EVERYTHING, resources={Scene: scene}) as squidie:
                run = await squidie.start(Play.begin)
                with storage.held("commit"):
                    turn = asyncio.create_task(squidie.execute_next())
                    await soon(lambda: storage.waiting == 1)
                    turn.cancel()
                    with pytest.raises(asyncio.CancelledError):
                        await turn
                scene.may_go.set()
                await soon(lambda: isinstance(entries_of(squidie.sync, run)[-1], AttemptReleased))
                assert scene.entered == []
                assert await squidie.drain() == 1

        asyncio.run(go())

    def test_a_timeout_around_it_is_one(self, memory: Store) -> None:
        async def go() -> None:
            scene = Scene()
            async with twin(memory, scene) as squidie:
                await squidie.start(Play.begin)
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.05):
                        await squidie.execute_next()
                assert scene.cancelled == 1

        asyncio.run(go())


class TestFailures:
    @pytest.mark.parametrize("own", OWN_CANCELLATIONS)
    def test_a_cancellation_of_the_body_s_own_is_a_failure_as_any_other(self, memory: Store, own: Any) -> None:
        async def go() -> None:
            scene = Scene(own)
            async with twin(memory, scene) as squidie:
                run = await squidie.start(PlayTwice.begin)
                assert await squidie.drain() == 2
                found = await squidie.inspect_run(run)
                assert found.status == "failed"
                assert found.error is not None
                assert (found.error["type"], len(found.attempts)) == ("asyncio.exceptions.CancelledError", 2)

        asyncio.run(go())

    def test_nor_is_it_taken_for_one_of_a_host_s_that_was_swallowed_before(self, memory: Store) -> None:
        async def go() -> None:
            me = asyncio.current_task()
            assert me is not None
            me.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0)
            async with twin(memory, Scene(OWN_CANCELLATIONS[-1])) as squidie:
                run = await squidie.start(PlayTwice.begin)
                assert await squidie.drain(limit=5) == 2
                assert (await squidie.inspect_run(run)).status == "failed"

        asyncio.run(go())

    def test_the_only_failure_in_a_task_group_is_the_body_s(self, memory: Store) -> None:
        """The group is how the body is written, and nothing that a policy or an error route should know of."""

        async def refuse(delay: float) -> None:
            await asyncio.sleep(delay)
            raise FailStep("sold out", code="sold_out")

        async def together(_scene: Scene, _ctx: StepContext) -> None:
            async with asyncio.TaskGroup() as group:
                group.create_task(refuse(0))
                group.create_task(refuse(PATIENCE))

        async def go() -> None:
            async with twin(memory, Scene(together)) as squidie:
                run = await squidie.start(PlayTwice.begin)
                assert await squidie.drain() == 1
                error = (await squidie.inspect_run(run)).error
                assert error is not None
                assert (error["code"], error["message"], error["retryable"]) == ("sold_out", "sold out", False)

        asyncio.run(go())

    def test_several_failures_in_a_task_group_are_all_told(self, memory: Store) -> None:
        async def refuse(error: Exception) -> None:
            raise error

        async def together(_scene: Scene, _ctx: StepContext) -> None:
            async with asyncio.TaskGroup() as group:
                for error in (ValueError("one"), RetryStep("two", after=0.001), RetryStep("three", after=0.002)):
                    group.create_task(refuse(error))

        async def go() -> None:
            async with twin(memory, Scene(together)) as squidie:
                run = await squidie.start(PlayTwice.begin)
                await squidie.execute_next()
                found = (await squidie.inspect_run(run, include_history=True)).attempts[0]
                assert found.error is not None
                assert found.error["type"] == "ExceptionGroup"
                assert "ValueError: one; RetryStep: two; RetryStep: three" in found.error["message"]
                assert found.error["retryable"]
                failed, retry = entries_of(squidie.sync, run)[-2:]
                assert isinstance(retry, RunnablesPlanned)
                assert retry.runnables[0].visible_at == failed.at + 2

        asyncio.run(go())

    def test_a_claim_that_is_lost_cancels_the_body(self, memory: Store) -> None:
        async def go() -> None:
            scene = Scene()
            async with twin(memory, scene) as squidie:
                run = await squidie.start(Play.begin)
                turn = asyncio.create_task(squidie.execute_next(heartbeat_every=0.05))
                await soon(lambda: scene.entered)
                await squidie.cancel(run)
                found = await turn
                assert found is not None
                assert (found.status, scene.cancelled) == ("cancelled", 1)
                await asyncio.to_thread(assert_consistent, squidie.sync, run)

        asyncio.run(go())

    def test_heartbeats_keep_a_claim(self, memory: Store) -> None:
        async def go() -> None:
            scene = Scene()
            async with twin(memory, scene) as squidie:
                run = await squidie.start(Play.begin)
                turn = asyncio.create_task(squidie.execute_next(lease_for=0.2, heartbeat_every=0.05))
                await soon(lambda: scene.entered)
                first = claims_of(squidie.sync, run)[0].lease_until
                await soon(lambda: squidie.sync.store.clock.now() > first + 50)
                assert await squidie.execute_next() is None
                scene.may_go.set()
                await turn
                assert len(claims_of(squidie.sync, run)) == 1

        asyncio.run(go())


class TestTimeouts:
    @pytest.mark.parametrize("act", [None, swallow], ids=["it ends", "it swallows"])
    def test_a_body_that_takes_too_long_is_cancelled_and_has_failed(self, memory: Store, act: Any) -> None:
        async def go() -> None:
            scene = Scene(act)
            async with twin(memory, scene) as squidie:
                run = await squidie.start(Brief.begin)
                draining = asyncio.create_task(squidie.drain())
                await soon(lambda: scene.cancelled == 1)
                scene.may_go.set()
                assert await draining == 2
                found = await squidie.inspect_run(run)
                first = found.attempts[0].error
                assert first is not None
                assert (first["code"], found.status, found.context) == ("step_timeout", "completed", {"played": True})
                await asyncio.to_thread(assert_consistent, squidie.sync, run)

        asyncio.run(go())

    def test_one_that_blocks_the_loop_past_its_time_has_failed_too(self, memory: Store) -> None:
        async def block(_scene: Scene, _ctx: StepContext) -> dict[str, Any]:
            time.sleep(0.1)  # noqa: ASYNC251  # the point
            return {"played": "late"}

        async def go() -> None:
            async with twin(memory, Scene(block)) as squidie:
                run = await squidie.start(Brief.begin)
                await squidie.drain()
                error = (await squidie.inspect_run(run)).error
                assert error is not None
                assert error["code"] == "step_timeout"

        asyncio.run(go())

    def test_one_that_was_over_in_time_counts_however_long_the_loop_was_busy(self, memory: Store) -> None:
        async def go() -> None:
            async def hold_up() -> None:
                time.sleep(0.1)  # noqa: ASYNC251  # the host's own code

            async def be_quick(_scene: Scene, _ctx: StepContext) -> dict[str, Any]:
                hosts.append(asyncio.create_task(hold_up()))
                return {"played": True}

            hosts: list[asyncio.Task[None]] = []
            async with twin(memory, Scene(be_quick)) as squidie:
                run = await squidie.start(Brief.begin)
                await squidie.drain()
                assert (await squidie.inspect_run(run)).context == {"played": True}

        asyncio.run(go())

    def test_the_host_s_own_timeout_is_the_host_s(self, memory: Store) -> None:
        async def go() -> None:
            async with twin(memory, Scene()) as squidie:
                run = await squidie.start(Brief.begin)
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(squidie.execute_next(), 0.01)
                found = await squidie.inspect_run(run)
                assert [(view.status, view.error) for view in found.attempts] == [("available", None)]

        asyncio.run(go())


class TestTheTwinBeneath:
    def test_what_one_does_the_other_sees(self, memory: Store) -> None:
        squidie = twin(memory)
        assert isinstance(squidie.sync, Squidie)
        run = squidie.sync.start(OneStep.place, Order("o-1"))
        assert asyncio.run(squidie.inspect_run(run)).id == run.id
        asyncio.run(squidie.close())
