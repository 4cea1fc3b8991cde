"""AsyncScheduler: what it promises to the loop that it is in."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from squidie_core import AsyncScheduler, AsyncSquidie, Window, Workflow, step, trigger
from squidie_core.memory import MemoryStorage, MemoryWorld
from tests.clocks import Clock
from tests.runtime.waiting import PATIENCE, eventually

NINE = datetime(2026, 5, 15, 9, tzinfo=UTC)


@dataclass
class Beat:
    at: str


@dataclass
class Stage:
    """Where `values=` waits, and in which thread."""

    may_go: threading.Event = field(default_factory=threading.Event)
    entered: threading.Event = field(default_factory=threading.Event)
    thread: str = ""

    def beat(self, window: Window) -> Beat:
        self.thread = threading.current_thread().name
        self.entered.set()
        assert self.may_go.wait(PATIENCE)
        return Beat(f"{window.start:%H:%M}")


def flow(stage: Stage) -> type[Workflow]:
    class Often(Workflow, name="often"):
        beat = trigger.cron("*/10 * * * *", Beat, values=stage.beat)
        note = step(note)

    return Often


def note(at: str) -> dict[str, Any]:
    return {"noted": at}


def opened(stage: Stage) -> AsyncSquidie:
    world = MemoryWorld(clock=Clock(int(NINE.timestamp() * 1000)))
    return AsyncSquidie(MemoryStorage(world=world), workflows=[flow(stage)])


def threads(name: str) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == name]


async def seen(happened: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not happened():  # noqa: ASYNC110  # it happens in threads
            await asyncio.sleep(0.002)


def test_a_tick_starts_what_is_due_while_the_loop_goes_on() -> None:
    async def live() -> None:
        stage = Stage()
        async with opened(stage) as squidie:
            scheduler = AsyncScheduler(squidie, catch_up=0)
            ticking = asyncio.create_task(scheduler.tick(NINE + timedelta(seconds=1)))
            await seen(stage.entered.is_set)
            assert not ticking.done()
            assert scheduler.next_at is not None  # which waits for nothing either
            stage.may_go.set()
            (done,) = await ticking
            assert done.run is not None
            assert (done.outcome, done.run.input) == ("started", {"at": "09:00"})
            assert scheduler.next_at == NINE + timedelta(minutes=10)
            assert await AsyncScheduler(squidie, misfire="skip").tick(NINE + timedelta(minutes=5)) == []

    asyncio.run(live())


def test_it_runs_in_a_thread_of_its_own_until_it_is_stopped() -> None:
    async def live() -> None:
        stage = Stage()
        stage.may_go.set()
        async with opened(stage) as squidie:
            scheduler = AsyncScheduler(squidie)
            running = asyncio.create_task(scheduler.run())
            while len((await squidie.list_runs()).runs) < 2:  # noqa: ASYNC110  # they are started in the thread
                await asyncio.sleep(0.002)
            assert stage.thread == "squidie-scheduler"
            scheduler.stop()
            await running
            await seen(lambda: not threads("squidie-scheduler"))

    asyncio.run(live())


def test_cancelling_it_is_stopping_it_and_what_it_has_begun_is_finished() -> None:
    async def live() -> None:
        stage = Stage()
        async with opened(stage) as squidie:
            running = asyncio.create_task(AsyncScheduler(squidie, catch_up=0).run())
            await seen(stage.entered.is_set)
            running.cancel()
            await asyncio.sleep(0)
            running.cancel()  # as often as anybody likes
            await asyncio.sleep(0)
            assert not running.done()
            stage.may_go.set()
            with pytest.raises(asyncio.CancelledError):
                await running
            assert len((await squidie.list_runs()).runs) == 1
            await seen(lambda: not threads("squidie-scheduler"))

    asyncio.run(live())


def test_where_its_host_ends_without_a_word_it_does_not_hold_it_up() -> None:
    """As where a plain Scheduler in a thread of the loop's executor would."""

    async def live() -> None:
        stage = Stage()
        stage.may_go.set()
        squidie = opened(stage)
        background = asyncio.create_task(AsyncScheduler(squidie, catch_up=0).run())
        await seen(stage.entered.is_set)
        assert not background.done()

    asyncio.run(live())
    eventually(lambda: not threads("squidie-scheduler"))
