"""Workers and operators at one family of runs at once, one round trip at a time, in orders that hypothesis picks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from squidie_contract.engine.line import Fault
from squidie_contract.engine.schedule import Schedule
from squidie_contract.engine.trying import orders
from squidie_contract.wired import wired
from squidie_core import ConflictError, InvalidTransitionError, Snapshot, Squidie, StepContext, Unavailable
from squidie_core.journal.entries import AttemptClaimed, ChildRunEnded, ChildRunStarted
from squidie_core.memory import MemoryStorage, MemoryWorld
from tests.clocks import Clock
from tests.constructs.families import ALL, Packing, Play, Waiting
from tests.runtime.flows import Order
from tests.runtime.stores import assert_consistent, entries_of

RACES = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
CLIENTS = ("first", "second", "third")
LEASE = 30


def start_two(ctx: StepContext) -> None:
    for key in ("a", "b"):
        ctx.start_child(Packing.order, Order(key), child_key=key)


Program = Callable[["Scene", Snapshot, Squidie], None]


class Scene:
    """A store, a clock, and as many clients as one likes."""

    def __init__(self, choices: Sequence[int], faults: Mapping[int, Fault] | None = None) -> None:
        self.clock = Clock()
        self.world = MemoryWorld(clock=self.clock)
        self.schedule = Schedule(choices)
        self.quiet = self.client(MemoryStorage("n", world=self.world))
        wires = {name: self.schedule.wire(name, faults if name == CLIENTS[0] else None) for name in CLIENTS}
        self.clients = {
            name: self.client(wired(MemoryStorage("n", world=self.world), wire)) for name, wire in wires.items()
        }

    def client(self, storage: MemoryStorage) -> Squidie:
        return Squidie(storage, workflows=ALL, resources={Play: Play(start_two)})

    def race(self, programs: Mapping[str, Callable[[Squidie], None]]) -> None:
        self.schedule.run({name: partial(program, self.clients[name]) for name, program in programs.items()})

    def work(self, squidie: Squidie) -> None:
        squidie.drain(owner_id=f"w{threading.get_ident()}", lease_for=LEASE, limit=20)

    def take_over(self, squidie: Squidie) -> None:
        """Work later, when claims have lapsed."""
        self.clock.now += (LEASE + 1) * 1000
        self.work(squidie)

    def finish(self, run: Snapshot) -> Snapshot:
        """Do all that is left to do, however long it takes."""
        for _ in range(12):
            self.work(self.quiet)
            if self.quiet.inspect_run(run).terminal:
                break
            self.clock.now += 61_000
        for _ in range(3):
            self.clock.now += 61_000
            self.work(self.quiet)
        return self.quiet.inspect_run(run)

    def check(self, run: Snapshot) -> Snapshot:
        """The family holds together; the parent at its end."""
        done = self.finish(run)
        linked = {e.child_run_id for e in entries_of(self.quiet, run) if isinstance(e, ChildRunStarted)}
        there = {found.id for found in self.quiet.list_runs(workflow=Packing).runs}
        assert linked == there, "a link without a child, or a child without a link"
        for each in (run.id, *there):
            assert_consistent(self.quiet, each)
        assert len(there) == len(done.children)
        if done.status == "completed":
            ended = [e for e in entries_of(self.quiet, run) if isinstance(e, ChildRunEnded)]
            own = {child.child_key: self.quiet.inspect_run(child.id).status for child in done.children}
            assert {e.child_key: e.status for e in ended} == own
            assert {key: told["status"] for key, told in done.context["children"].items()} == own
            assert sorted(own) == ["a", "b"]
        return done


def race(
    choices: list[int],
    *programs: Program,
    faults: Mapping[int, Fault] | None = None,
) -> tuple[Scene, Snapshot]:
    scene = Scene(choices, faults)
    run = scene.quiet.start(Waiting)
    scene.race({name: partial(program, scene, run) for name, program in zip(CLIENTS, programs, strict=False)})
    return scene, run


def works(scene: Scene, _: Snapshot, squidie: Squidie) -> None:
    scene.work(squidie)


def takes_over(scene: Scene, _: Snapshot, squidie: Squidie) -> None:
    scene.take_over(squidie)


def cancels(children: bool) -> Program:  # noqa: FBT001  # read at its one use
    def cancel(_: Scene, run: Snapshot, squidie: Squidie) -> None:
        squidie.cancel(run, children=children)

    return cancel


def cancels_a_child(_: Scene, run: Snapshot, squidie: Squidie) -> None:
    for child in squidie.inspect_run(run).children:
        try:
            squidie.cancel(child.id)
        except (InvalidTransitionError, ConflictError):
            continue


@RACES
@given(choices=orders(3))
def test_two_deliveries_of_a_step_start_each_child_once(choices: list[int]) -> None:
    scene, run = race(choices, works, takes_over, works)
    assert scene.check(run).status == "completed"


@RACES
@given(choices=orders(3))
def test_children_that_end_at_once_and_while_the_step_completes_are_all_joined(choices: list[int]) -> None:
    scene, run = race(choices, works, works, works)
    done = scene.check(run)
    assert done.status == "completed"
    claims = [e for e in entries_of(scene.quiet, run) if isinstance(e, AttemptClaimed)]
    assert len(claims) == 1


@RACES
@given(choices=orders(3), children=st.booleans())
def test_a_parent_that_is_cancelled_meanwhile_is_whole(choices: list[int], children: bool) -> None:  # noqa: FBT001  # drawn
    def cancel(scene: Scene, run: Snapshot, squidie: Squidie) -> None:
        try:
            cancels(children)(scene, run, squidie)
        except InvalidTransitionError:
            over.append(run.id)

    over: list[str] = []
    scene, run = race(choices, works, cancel, works)
    done = scene.check(run)
    assert done.status == ("completed" if over else "cancelled")
    if children and not over:
        statuses = {scene.quiet.inspect_run(child.id).status for child in done.children}
        assert statuses <= {"cancelled", "completed"}


@RACES
@given(choices=orders(3))
def test_a_child_that_is_cancelled_meanwhile_is_joined_as_such(choices: list[int]) -> None:
    scene, run = race(choices, works, cancels_a_child, works)
    assert scene.check(run).status == "completed"


@RACES
@given(choices=orders(2), trip=st.integers(1, 25), fault=st.sampled_from(list(Fault)))
def test_a_worker_that_dies_or_is_cut_off_leaves_a_whole_family(choices: list[int], trip: int, fault: Fault) -> None:
    def work_as_far_as_it_goes(scene: Scene, _: Snapshot, squidie: Squidie) -> None:
        over = False
        while not over:
            with suppress(Unavailable):
                scene.work(squidie)
                over = True

    scene, run = race(choices, work_as_far_as_it_goes, works, faults={trip: fault})
    assert scene.check(run).status == "completed"
