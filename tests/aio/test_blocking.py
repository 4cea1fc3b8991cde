"""Who blocks an event loop is told so."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import warnings

import pytest

from squidie_core import (
    AsyncSquidie,
    Payload,
    Runner,
    Scheduler,
    Snapshot,
    Squidie,
    SquidieBlockingWarning,
    Worker,
    Workflow,
    step,
    trigger,
)
from squidie_core.runtime import blocking
from tests.runtime.flows import OneStep, Order
from tests.runtime.stores import Store, working
from tests.runtime.waiting import eventually


def note() -> None: ...


class Daily(Workflow, name="daily"):
    nightly = trigger.cron("0 3 * * *")
    note = step(note)


@pytest.fixture(autouse=True)
def nothing_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin as a process does that has not warned yet."""
    monkeypatch.setattr(blocking, "_told", set[str]())


class TestWarning:
    def test_it_comes_once_for_each_method_says_what_to_do_and_where(self, memory: Store) -> None:
        squidie = memory.open(OneStep)

        async def block() -> Snapshot:
            for number in range(3):
                squidie.start(OneStep.place, Order(str(number)))
            run = squidie.execute_next()
            assert run is not None
            return squidie.inspect_run(run)

        with pytest.warns(SquidieBlockingWarning) as caught:
            assert asyncio.run(block()).status == "completed"
        texts = [str(warning.message) for warning in caught]
        assert [text.split()[0] for text in texts] == ["Squidie.start", "Squidie.execute_next", "Squidie.inspect_run"]
        assert "`await squidie.start(...)`" in texts[0]
        assert {warning.filename for warning in caught} == {__file__}

    def test_what_a_call_calls_itself_is_no_second_reason(self, memory: Store) -> None:
        squidie = memory.open(OneStep)
        squidie.start(OneStep.place, Order("o-1"))

        async def block() -> None:
            squidie.drain()
            Runner(squidie).perform(Payload.drain())

        with pytest.warns(SquidieBlockingWarning) as caught:
            asyncio.run(block())
        assert [str(warning.message).split()[0] for warning in caught] == ["Squidie.drain", "Runner.perform"]
        assert {warning.filename for warning in caught} == {__file__}

    def test_who_runs_a_loop_of_ours_in_one_of_his_own_is_told_too(self, memory: Store) -> None:
        squidie = memory.open(Daily)

        async def block() -> None:
            for kind in (Worker, Scheduler):
                ours = kind(squidie)
                ours.stop()
                ours.run()

        with pytest.warns(SquidieBlockingWarning) as caught:
            asyncio.run(block())
        texts = [str(warning.message) for warning in caught]
        assert [text.split()[0] for text in texts] == ["Worker.run", "Scheduler.run"]
        assert "AsyncWorker" in texts[0]

    def test_no_loop_no_warning(self, memory: Store) -> None:
        squidie = memory.open(OneStep)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            squidie.start(OneStep.place, Order("o-1"))
            assert squidie.drain() == 1

    def test_threads_beside_a_loop_may_block(self, memory: Store) -> None:
        """Those of workers and of AsyncSquidie are such."""
        squidie = memory.open(OneStep)

        async def look_on() -> None:
            run = await asyncio.to_thread(squidie.start, OneStep.place, Order("o-1"))
            with working(squidie):
                await asyncio.to_thread(eventually, lambda: squidie.inspect_run(run).terminal)
            async with AsyncSquidie(memory.connection(), workflows=[OneStep]) as twin:
                await twin.start(OneStep.place, Order("o-2"))
                assert await twin.drain() == 1
            squidie.metrics()
            squidie.close()

        with warnings.catch_warnings():
            warnings.simplefilter("error")
            asyncio.run(look_on())

    def test_every_method_that_waits_warns(self) -> None:
        watched = {name for name in dir(Squidie) if hasattr(getattr(Squidie, name), "__wrapped__")}
        public = {name for name in dir(Squidie) if not name.startswith("_") and callable(getattr(Squidie, name))}
        assert public - watched <= {"close", "from_env", "metrics", "within"}

    def test_it_does_not_import_asyncio(self) -> None:
        program = "import sys; from squidie_core import Squidie\nSquidie('memory://').list_runs()\n"
        done = subprocess.run(
            [sys.executable, "-I", "-c", f"{program}print('asyncio' in sys.modules)"],
            check=True,
            capture_output=True,
            text=True,
        )
        assert done.stdout.split() == ["False"]
