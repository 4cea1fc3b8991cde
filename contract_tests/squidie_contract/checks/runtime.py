"""The runtime on a storage: starting, executing, dying, taking over, cancelling, approving; with hints and without."""

from __future__ import annotations

import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from typing import ClassVar

import pytest

from squidie_contract.checks.contract import Contract
from squidie_contract.engine.crew import Crew
from squidie_contract.engine.flows import ALL, Book, Council, Errand, Fellowship, LedgerOf, Pages
from squidie_contract.engine.hints import Deaf, Stammering
from squidie_contract.engine.journals import assert_consistent
from squidie_contract.engine.line import Fault, Line
from squidie_contract.engine.worlds import World, Worlds
from squidie_contract.harness import Harness
from squidie_contract.wire import Died, Wire, quiet
from squidie_core import Snapshot, Squidie, Worker
from squidie_core.errors import InvalidTransitionError, Unavailable
from squidie_core.memory import MemoryLeases
from squidie_core.ports import LeaseBackend, Notifier

LEASE = 0.1
"""Seconds: the shortest that the runtime takes."""
GRACE = 30
"""Seconds in which a worker stops."""


class RuntimeClauses(Contract):
    """The acceptance: A1 to A6."""

    port = "storage"

    beside: ClassVar[type[Harness] | None] = None
    """The harness whose notifier and leases are used too, where there are some."""

    @pytest.fixture
    def aside(self, worlds: Worlds) -> World | None:
        """Give the world of the hints and leases, if there is one."""
        return None if self.beside is None else worlds.new(harness=self.beside)

    @pytest.fixture
    def clients(self, aside: World | None) -> Clients:
        """Give what makes clients of the runtime."""
        return Clients(aside)

    def test_a1_a_run_executes_to_its_end(self, world: World, clients: Clients) -> None:
        pages = Pages()
        squidie = clients.open(world, pages)
        runs = [squidie.start(Errand.leave), squidie.start(Fellowship.leave)]
        assert squidie.drain() == 6
        for run, steps in zip(runs, (["pack", "cross", "toss"], ["march", "sneak", "declare"]), strict=True):
            done = squidie.inspect_run(run)
            assert done.status == "completed"
            assert sorted(view.step for view in done.attempts) == sorted(steps)
            assert_consistent(squidie, run)
        assert set(pages.begun.values()) == {1}
        assert {row.id for row in squidie.list_runs(status="completed").runs} == {run.id for run in runs}
        assert squidie.execute_next() is None

    def test_a1_a_run_starts_once_for_its_key(self, world: World, clients: Clients) -> None:
        one, other = clients.open(world), clients.open(world)
        first = one.start(Errand.leave, idempotency_key="once")
        assert other.start(Errand.leave, idempotency_key="once").id == first.id
        one.drain()
        assert other.start(Errand.leave, idempotency_key="once").status == "completed"
        assert len(other.list_runs().runs) == 1

    def test_a1_two_workers_apply_each_step_once(self, world: World, clients: Clients) -> None:
        pages = Pages()
        starter = clients.open(world)
        runs = [starter.start(Fellowship.leave) for _ in range(5)]
        with working(clients.open(world, pages)), working(clients.open(world, pages)):
            finish_by_waiting(world, starter, runs)
        for run in runs:
            assert starter.inspect_run(run).status == "completed"
            assert_consistent(starter, run)

    def test_a2_a_worker_that_dies_at_any_round_trip_loses_nothing(self, worlds: Worlds, clients: Clients) -> None:
        with worlds.example() as world:
            whole = Line()
            _live_and_die(world, clients, whole)
        deaths = [
            (trip, fault) for trip in range(1, whole.trips + 1) for fault in (Fault.DIES_BEFORE, Fault.DIES_AFTER)
        ]
        stride = -(-len(deaths) // worlds.profile.deaths)
        for trip, fault in deaths[::stride]:
            with worlds.example() as world:
                _live_and_die(world, clients, Line({trip: fault}, tell=world.trail.tell))
                survivor = clients.open(world)
                run = survivor.start(Errand.leave, idempotency_key="once")
                finish(world, survivor, run)
                done = survivor.inspect_run(run)
                assert (done.status, set(done.context)) == ("completed", {"packed", "crossed", "tossed"})
                assert len(survivor.list_runs().runs) == 1
                assert_consistent(survivor, run)

    @pytest.mark.contract_once
    def test_a3_processes_that_are_killed_lose_nothing(
        self, worlds: Worlds, clients: Clients, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        with worlds.example() as world:
            book = Book(tmp_path_factory.mktemp("contract") / "book")
            observer = clients.open(world, book)
            runs = [observer.start(Errand.leave) for _ in range(12)]
            with Crew(world.harness.url, book, world.patience) as crew:
                for kill in range(1, worlds.profile.kills + 1):
                    enough = 3 + len(runs) * kill // worlds.profile.kills
                    crew.work_until(lambda enough=enough: len(book.lines()) >= enough)  # type: ignore[misc]  # a default
                    crew.kill()
                crew.work_until(lambda: all(observer.inspect_run(run).terminal for run in runs))
            for run in runs:
                assert observer.inspect_run(run).status == "completed"
                assert_consistent(observer, run)

    def test_a4_a_run_that_is_cancelled_is_over(self, world: World, clients: Clients) -> None:
        squidie = clients.open(world)
        run = squidie.start(Errand.leave)
        squidie.execute_next()
        assert squidie.cancel(run).status == "cancelled"
        assert squidie.execute_next() is None
        assert [row.id for row in squidie.list_runs(status="cancelled").runs] == [run.id]
        with pytest.raises(InvalidTransitionError):
            squidie.cancel(run)
        assert_consistent(squidie, run)

    def test_a4_what_a_body_gives_after_its_run_was_cancelled_is_dropped(self, world: World, clients: Clients) -> None:
        pages, other = Pages(), clients.open(world)
        squidie = clients.open(world, pages)
        run = squidie.start(Errand.leave)
        pages.meanwhile = lambda _: _ignore(other.cancel(run))
        squidie.drain()
        done = squidie.inspect_run(run)
        assert (done.status, dict(done.context)) == ("cancelled", {})
        assert len(pages.begun) == 1
        assert_consistent(squidie, run)

    def test_a5_a_run_waits_for_its_approval(self, world: World, clients: Clients) -> None:
        squidie, other = clients.open(world), clients.open(world)
        run = squidie.start(Council.leave)
        squidie.drain()
        assert squidie.inspect_run(run).reason == "manual_intervention_required"
        other.approve(run, actor="elrond")
        squidie.drain()
        done = squidie.inspect_run(run)
        assert (done.status, done.context["agreed"]) == ("completed", {"heard": "approved"})
        with pytest.raises(InvalidTransitionError):
            squidie.approve(run, actor="elrond")
        assert_consistent(squidie, run)

    def test_a5_a_run_that_is_rejected_takes_the_other_way(self, world: World, clients: Clients) -> None:
        squidie = clients.open(world)
        run = squidie.start(Council.leave)
        squidie.reject(run, actor="elrond")
        squidie.drain()
        done = squidie.inspect_run(run)
        assert (done.status, "refused" in done.context, "agreed" in done.context) == ("completed", True, False)

    @pytest.mark.parametrize("hints", ["given", "none", "lost", "doubled"])
    def test_a6_workers_finish_whatever_becomes_of_hints(self, world: World, clients: Clients, hints: str) -> None:
        carried = clients.notifier()
        notifier = {"given": carried, "none": None, "lost": Deaf(), "doubled": Stammering(carried or Deaf())}[hints]
        starter = clients.open(world, notifier=notifier)
        with working(clients.open(world, notifier=notifier)):
            runs = [starter.start(Errand.leave), starter.start(Fellowship.leave)]
            finish_by_waiting(world, starter, runs)
        for run in runs:
            assert starter.inspect_run(run).status == "completed"
            assert_consistent(starter, run)

    def test_a6_deliveries_that_are_lost_doubled_and_late_change_nothing(self, world: World, clients: Clients) -> None:
        pages = Pages()
        squidie, leases = clients.open(world, pages), clients.leases()
        runs = [squidie.start(Errand.leave) for _ in range(3)]
        for run in (*runs, *runs):
            leases.enqueue("drain", {"run": run.id})
        (lost,) = leases.claim("drain", owner_id="dies", lease_for=3_600_000)
        while deliveries := leases.claim("drain", owner_id="lives", lease_for=60_000, limit=2):
            for delivery in deliveries:
                squidie.drain(limit=2)
                leases.complete(delivery)
        squidie.drain()
        for run in runs:
            assert squidie.inspect_run(run).status == "completed"
            assert_consistent(squidie, run)
        assert set(pages.begun.values()) == {1}
        leases.complete(lost)


class Clients:
    """Makes clients of the runtime, with the hints that the contract is run with."""

    def __init__(self, aside: World | None) -> None:
        self._aside = aside

    def open(
        self,
        world: World,
        ledger: Pages | Book | None = None,
        *,
        wire: Wire = quiet,
        notifier: Notifier | None = None,
    ) -> Squidie:
        """A client of the world, as another process would have it."""
        resources: Mapping[type, object] = {LedgerOf: LedgerOf(ledger or Pages())}
        return Squidie(world.storage(wire), workflows=ALL, resources=resources, notifier=notifier or self.notifier())

    def notifier(self) -> Notifier | None:
        """A new client of the hints, if there are any."""
        offered = self._aside is not None and "notifier" in self._aside.harness.ports()
        return self._aside.notifier() if self._aside is not None and offered else None

    def leases(self) -> LeaseBackend:
        """A new client of the deliveries; of some in memory where there are none."""
        offered = self._aside is not None and "leases" in self._aside.harness.ports()
        return self._aside.leases() if self._aside is not None and offered else MemoryLeases()


def finish(world: World, squidie: Squidie, run: Snapshot) -> None:
    """Execute until the run is over; what others have claimed or reserved is waited for."""
    end = world.harness.now() + world.patience
    while not squidie.inspect_run(run).terminal:
        assert world.harness.now() < end, f"the run is still {squidie.inspect_run(run).reason}"
        if squidie.execute_next(lease_for=LEASE) is None:
            world.harness.wait(20)


def finish_by_waiting(world: World, squidie: Squidie, runs: list[Snapshot]) -> None:
    """Wait until the runs are over."""
    over = threading.Event()
    waited = 0
    while not all(squidie.inspect_run(run).terminal for run in runs):
        assert waited < world.patience, "the workers do not finish"
        over.wait(0.01)
        world.harness.wait(10)
        waited += 10


@contextmanager
def working(squidie: Squidie) -> Generator[None]:
    """Let a worker work in a thread until the block ends."""
    worker = Worker(squidie, concurrency=2, grace=GRACE)
    thread = threading.Thread(target=worker.run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        worker.stop()
        thread.join(GRACE)
    assert not thread.is_alive(), "the worker does not stop"


def _live_and_die(world: World, clients: Clients, line: Line) -> None:
    """Start a run and execute it, as far as the line lets."""
    with suppress(Died, Unavailable):  # a dead client that cannot be stopped finds nobody to talk to
        squidie = clients.open(world, wire=line)
        squidie.start(Errand.leave, idempotency_key="once")
        squidie.drain(lease_for=LEASE)


def _ignore(_: object) -> None:
    pass
