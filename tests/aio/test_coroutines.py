"""What becomes of coroutine bodies that are told to stop at awkward moments."""

from __future__ import annotations

import asyncio
import threading

from squidie_core.runtime.attempts import Attempt, Released
from squidie_core.runtime.bodies import Inbox
from squidie_core.runtime.coroutines import CoroutineBodies
from squidie_core.runtime.single import Turn, TurnOptions
from tests.aio.flows import Play, Scene
from tests.runtime.stores import Store
from tests.runtime.waiting import PATIENCE


def claimed(memory: Store) -> Attempt:
    """An attempt with a coroutine body."""
    squidie = memory.open(Play, resources={Scene: Scene()})
    squidie.start(Play.begin)
    options = TurnOptions(queue="default", owner_id="test", lease_for=30_000, heartbeat_every=None)
    attempt = Turn(squidie.store, options).take()
    assert attempt is not None
    return attempt


class TestCoroutineBodies:
    def test_one_that_is_cancelled_before_its_first_step_is_reported_all_the_same(self, memory: Store) -> None:
        """Else its slot would be gone for good, and its worker would never end."""
        attempt, inbox, scene = claimed(memory), Inbox(), Scene()

        async def live() -> None:
            bodies = CoroutineBodies(inbox, {Scene: scene})
            host = asyncio.current_task()
            assert host is not None
            bodies.lend(host, lambda: None)
            bodies.run([attempt])
            bodies.cancel(attempt)  # the loop meets both in one go
            await asyncio.to_thread(self.expect, inbox, attempt)

        asyncio.run(live())
        assert scene.entered == []

    def test_before_the_first_is_given_back_the_worker_knows_that_its_host_is_leaving(self, memory: Store) -> None:
        """Or it would claim the attempt again, for a loop that is about to end."""
        attempt, scene = claimed(memory), Scene()
        told: list[str] = []

        class Told(Inbox):
            def put(self, news: object) -> None:
                told.append(f"given back: {news == (attempt, Released())}")

        async def serve(bodies: CoroutineBodies) -> None:
            host = asyncio.current_task()
            assert host is not None
            bodies.lend(host, lambda: told.append("leaving"))
            bodies.run([attempt])
            await asyncio.sleep(PATIENCE)

        async def main() -> None:
            background = asyncio.create_task(serve(CoroutineBodies(Told(), {Scene: scene})))
            while not scene.entered:  # noqa: ASYNC110  # the loop has nothing else to do
                await asyncio.sleep(0)
            assert not background.done()

        asyncio.run(main())
        assert told == ["leaving", "given back: True"]

    def test_where_the_host_has_closed_its_loop_none_is_begun(self, memory: Store) -> None:
        attempt, inbox = claimed(memory), Inbox()
        bodies = CoroutineBodies(inbox, {})

        async def live() -> None:
            host = asyncio.current_task()
            assert host is not None
            bodies.lend(host, lambda: None)

        asyncio.run(live())
        bodies.run([attempt])
        bodies.cancel(attempt)
        bodies.cancel_all()
        bodies.stop()
        self.expect(inbox, attempt)

    def test_what_bodies_left_in_the_worker_s_own_loop_ends_with_it(self, memory: Store) -> None:
        attempt, inbox, scene = claimed(memory), Inbox(), Scene()
        ended = threading.Event()

        async def linger() -> None:
            try:
                await asyncio.sleep(PATIENCE)
            finally:
                ended.set()

        async def leave_one(scene: Scene, _ctx: object) -> None:
            scene.left = asyncio.create_task(linger())
            await asyncio.sleep(0)

        scene.act = leave_one
        bodies = CoroutineBodies(inbox, {Scene: scene})
        bodies.run([attempt])
        assert len(inbox.collect(PATIENCE, 1)) == 1
        bodies.stop()
        assert ended.is_set()

    @staticmethod
    def expect(inbox: Inbox, attempt: Attempt) -> None:
        assert inbox.collect(PATIENCE, 1) == [(attempt, Released())]
