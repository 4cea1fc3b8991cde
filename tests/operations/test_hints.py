"""Workers and hints. A worker that looks for itself once an hour gets its work by hints, or not at all."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from squidie_core import Snapshot, Squidie, Workflow
from squidie_core.memory import MemoryNotifier, MemoryStorage, MemoryWorld
from squidie_core.runtime import polling
from squidie_core.runtime.engine import Engine, EngineOptions
from squidie_core.runtime.polling import Polling
from tests.operations.conftest import OpenNotifier
from tests.operations.flows import ALL, FirstOfTwo, Folder, One, Retried, SecondOfTwo, Two
from tests.operations.processes import Hosts
from tests.operations.test_notifier import connections, end_connections, listening
from tests.runtime.stores import working
from tests.runtime.waiting import PATIENCE, eventually

HOUR = 3600


@contextmanager
def observer(url: str) -> Generator[Squidie]:
    with Squidie(url) as squidie:
        yield squidie


def completed(squidie: Squidie, run_id: str) -> Snapshot:
    def look() -> Snapshot | None:
        found = squidie.inspect_run(run_id)
        return found if found.status == "completed" else None

    return eventually(look)


@contextmanager
def at(world: MemoryWorld, workflow: type[Workflow], folder: Folder | None = None) -> Generator[Squidie]:
    """A process of its own, as far as workers can tell."""
    notifier = MemoryNotifier(world=world)
    resources: dict[type, object] = {Folder: folder or Folder("")}
    with Squidie(MemoryStorage(world=world), workflows=[workflow], resources=resources, notifier=notifier) as squidie:
        yield squidie
    notifier.close()


class TestAWorkerThatSeldomLooks:
    def test_takes_at_once_what_another_process_starts(self, store_url: str, processes: Hosts) -> None:
        processes.work(store_url, notifier=store_url, pace=HOUR)
        with observer(store_url) as squidie:
            completed(squidie, processes.start(store_url, notifier=store_url, workflow="one"))
            completed(squidie, processes.start(store_url, notifier=store_url, workflow="two"))

    def test_hears_of_what_is_started_for_later_and_looks_then(self, store_url: str, processes: Hosts) -> None:
        processes.work(store_url, notifier=store_url, pace=HOUR)
        with observer(store_url) as squidie:
            completed(squidie, processes.start(store_url, notifier=store_url, workflow="one", delay=0.3))

    def test_goes_on_after_its_connections_were_ended(self, store_url: str, processes: Hosts) -> None:
        processes.work(store_url, notifier=store_url, pace=HOUR)
        ended = end_connections(store_url)
        eventually(lambda: len(connections(store_url, but=ended)) >= 2)
        # The hint may come before the listener is back; the listener looks for itself then.
        with observer(store_url) as squidie:
            completed(squidie, processes.start(store_url, notifier=store_url, workflow="one"))

    def test_takes_what_another_worker_has_no_slot_for(self, store_url: str, processes: Hosts, tmp_path: Path) -> None:
        folder = Folder(str(tmp_path))
        processes.work(store_url, notifier=store_url, pace=HOUR, concurrency=1, folder=str(tmp_path))
        run_id = processes.start(store_url, notifier=store_url, workflow="meeting")
        folder.wait_for("held")
        processes.work(store_url, notifier=store_url, pace=HOUR, concurrency=4, folder=str(tmp_path))
        folder.mark("released")
        with observer(store_url) as squidie:
            completed(squidie, run_id)


class TestWithoutHints:
    def test_a_worker_finds_everything_by_looking(self, store_url: str, processes: Hosts) -> None:
        processes.work(store_url, notifier=store_url, pace=0.05)
        with observer(store_url) as squidie:
            completed(squidie, processes.start(store_url, notifier=None, workflow="two"))

    def test_a_worker_whose_notifier_finds_no_server_does_too(self, store_url: str, notifier: OpenNotifier) -> None:
        silent = notifier("postgresql://nobody@127.0.0.1:1/nowhere")
        with Squidie(store_url, workflows=[One], notifier=silent) as squidie, working(squidie):
            with Squidie(store_url, workflows=[One]) as other:
                run = other.start(One, {})
            completed(squidie, run.id)
            assert not squidie.wakeups.reach_others


@pytest.fixture
def hourly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the workers of this process look once an hour."""
    for name in ("SHORTEST", "LONGEST", "LONGEST_WITH_HINTS"):
        monkeypatch.setattr(polling, name, HOUR)


@pytest.mark.usefixtures("hourly")
class TestWithinAProcess:
    def test_a_worker_remembers_when_a_retry_falls_due(self) -> None:
        with Squidie("memory://", workflows=[Retried]) as squidie, working(squidie):
            completed(squidie, squidie.start(Retried, {}).id)

    def test_what_execute_next_leaves_is_told_to_others(self) -> None:
        world = MemoryWorld()
        with at(world, Two) as squidie, at(world, SecondOfTwo) as other:
            run = squidie.start(Two, {})
            with working(other):
                eventually(lambda: other.metrics().polls)
                assert squidie.execute_next() is not None
                completed(squidie, run.id)

    def test_steps_whose_code_is_elsewhere_are_told_to_others(self, tmp_path: Path) -> None:
        world, folder = MemoryWorld(), Folder(str(tmp_path))
        with at(world, FirstOfTwo, folder) as squidie, at(world, Two) as other, working(squidie):
            run = other.start(Two, {})
            folder.wait_for("held")
            with working(other):
                eventually(lambda: other.metrics().polls)
                folder.mark("released")
                completed(squidie, run.id)


class TestANotifierGivenAsAUrl:
    def test_gets_the_namespace_and_the_options_of_a_storage_of_its_kind(
        self, postgresql_url: str, notifier: OpenNotifier
    ) -> None:
        home = {"namespace": "shop", "schema": "squidie_hints"}
        heard = listening(notifier(postgresql_url, **home), "default")
        options = {"schema": "squidie_hints", "create": True}
        with Squidie(
            postgresql_url, workflows=[One], namespace="shop", storage_options=options, notifier=postgresql_url
        ) as squidie:
            squidie.start(One, {})
            assert heard.get(timeout=PATIENCE) == 1

    def test_gets_the_namespace_alone_where_the_storage_is_of_another_kind(self, tmp_path: Path) -> None:
        with Squidie(
            f"sqlite:///{tmp_path}/runs.db?namespace=shop", storage_options={"pool_size": 2}, notifier="memory://"
        ) as squidie:
            assert squidie.wakeups.reach_others


class TestThePaceOfLooking:
    @pytest.mark.parametrize(("hinted", "longest"), [(False, polling.LONGEST), (True, polling.LONGEST_WITH_HINTS)])
    def test_is_slower_where_hints_are_known_to_arrive(self, *, hinted: bool, longest: float) -> None:
        with Squidie("memory://", workflows=ALL, resources={Folder: Folder("")}) as squidie:
            engine = Engine(squidie.store, EngineOptions(queue="default", owner_id="o", lease_for=1000))
            pace = Polling()
            before = 0.0
            for _ in range(50):
                before = time.monotonic()
                pace.polled(engine, squidie.store.clock, hinted=hinted)
            assert before + 0.8 * longest <= pace.at <= time.monotonic() + 1.2 * longest

    def test_does_not_forget_what_was_asked_for_while_looking(self) -> None:
        with Squidie("memory://") as squidie:
            engine = Engine(squidie.store, EngineOptions(queue="default", owner_id="o", lease_for=1000))
            pace = Polling()
            pace.ask(5.0)
            pace.polled(engine, squidie.store.clock, hinted=True)
            assert not pace.is_due(4.0)
            assert pace.is_due(5.0)
