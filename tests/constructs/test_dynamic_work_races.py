"""Dynamic work while others write to the run, and where whoever adds or executes it dies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from adapters.harnesses.memory import MemoryHarness
from squidie_contract.engine.line import Fault, Line
from squidie_contract.harness import Harness
from squidie_contract.wire import Died
from squidie_core import (
    ConflictError,
    DynamicEdge,
    DynamicNode,
    DynamicWork,
    DynamicWorkError,
    Snapshot,
    Squidie,
    StepContext,
    Workflow,
    sequence,
    step,
    trigger,
)
from squidie_core.journal.entries import DynamicWorkRecorded, RunnableApplied, RunnablesPlanned
from tests.constructs.racing import Arena, at_every_moment, in_many_orders, outcome
from tests.runtime.stores import assert_consistent, entries_of

KEY = "the digest of today"
LEASE = 0.1
"""Seconds: the shortest that the runtime takes."""


def find() -> dict[str, str]:
    return {"found": "two chats"}


def close(found: str) -> dict[str, str]:
    return {"closed": found}


def deliver(ctx: StepContext) -> str:
    return f"{ctx.step} by attempt {ctx.attempt}"


def gather(**given: Any) -> list[str]:
    return sorted(given)


class Digest(Workflow, name="digest"):
    begin = trigger.manual()
    find = step(find)
    close = step(close)
    transitions = sequence(find, close)


ACTIONS: Mapping[str, Callable[..., Any]] = {"deliver": deliver, "gather": gather}
ORIGIN = {"step": "find", "attempt": 1}


def diamond(run: Snapshot, key: str = "fanout", *, more: str = "") -> DynamicWork:
    nodes = [DynamicNode(name + more, "deliver") for name in ("top", "left", "right")]
    pairs = (("top", "left"), ("top", "right"), ("left", "bottom"), ("right", "bottom"))
    return DynamicWork(
        key=key,
        origin={**ORIGIN, "runnable_key": f"{run.id}:find:1"},
        nodes=[*nodes, DynamicNode(f"bottom{more}", "gather")],
        edges=[DynamicEdge(before + more, after + more) for before, after in pairs],
    )


def begun(arena: Arena) -> Snapshot:
    """A run whose first step is applied."""
    arena.quiet.start(Digest.begin)
    run = arena.quiet.execute_next()
    assert run is not None
    return run


def works(squidie: Squidie, run: Snapshot) -> list[str]:
    """The keys of the records in the run's journal."""
    assert_consistent(squidie, run)
    return [entry.dynamic_key for entry in entries_of(squidie, run) if isinstance(entry, DynamicWorkRecorded)]


def assert_done(squidie: Squidie, run: Snapshot, *expected: str) -> None:
    """The run is complete, each node was planned and applied once, and the works stand in it once."""
    done = squidie.inspect_run(run)
    assert done.status == "completed"
    assert works(squidie, run) == list(expected)
    entries = entries_of(squidie, run)
    planned = [r.key for entry in entries if isinstance(entry, RunnablesPlanned) for r in entry.runnables]
    applied = [entry.runnable_key for entry in entries if isinstance(entry, RunnableApplied)]
    assert sorted(planned) == sorted(set(planned)) == sorted(applied)


class TestRaces:
    def test_of_the_same_work_one_is_recorded(self, harness: type[Harness]) -> None:
        def race(arena: Arena) -> None:
            run = begun(arena)
            found = arena.race(*[schedules(run, diamond(run))] * 2)
            assert {each.rev for each in found} == {arena.quiet.inspect_run(run).rev}
            assert works(arena.quiet, run) == ["fanout"]

        at_every_moment(harness, Digest, race=race, actions=ACTIONS)

    def test_of_different_work_under_one_key_one_is_refused(self, harness: type[Harness]) -> None:
        def race(arena: Arena) -> None:
            run = begun(arena)
            found = arena.race(*[schedules(run, diamond(run, more=more)) for more in ("", "2")])
            assert sorted(type(each).__name__ for each in found) == ["ConflictError", "Snapshot"]
            (refused,) = [each for each in found if isinstance(each, ConflictError)]
            assert refused.code == "conflicting_dynamic_work"
            assert works(arena.quiet, run) == ["fanout"]

        at_every_moment(harness, Digest, race=race, actions=ACTIONS)

    def test_a_run_that_is_about_to_end_waits_for_the_nodes_or_takes_none(self, harness: type[Harness]) -> None:
        def race(arena: Arena) -> None:
            run = begun(arena)
            _, added = arena.race(drain, schedules(run, diamond(run)))
            arena.quiet.drain()
            if isinstance(added, DynamicWorkError):
                assert (added.details["field"], added.details["reason"]) == ("run", "terminal")
                assert_done(arena.quiet, run)
            else:
                assert_done(arena.quiet, run, "fanout")
                assert arena.quiet.inspect_run(run).context["bottom"] == ["left", "right"]

        at_every_moment(harness, Digest, race=race, actions=ACTIONS)

    def test_two_workers_execute_a_diamond_once(self, harness: type[Harness]) -> None:
        def race(arena: Arena) -> None:
            run = begun(arena)
            arena.quiet.schedule_dynamic_work(run, diamond(run))
            arena.race(drain, drain)
            arena.quiet.drain()
            assert_done(arena.quiet, run, "fanout")
            assert arena.quiet.inspect_run(run).context["bottom"] == ["left", "right"]

        in_many_orders(harness, Digest, race=race, actions=ACTIONS)


def drain(squidie: Squidie) -> None:
    squidie.drain()


def schedules(run: Snapshot, work: DynamicWork) -> Callable[[Squidie], Any]:
    return lambda squidie: outcome(lambda: squidie.schedule_dynamic_work(run, work))


class TestDeaths:
    def test_at_any_round_trip_lose_nothing(self) -> None:
        """Whoever adds the work and executes it dies; somebody else adds the very same again, and goes on."""
        whole = Line()
        begun_after = live(MemoryHarness(), whole)
        assert whole.trips > begun_after + 10
        ends: set[tuple[str, ...]] = set()
        for trip in range(begun_after + 1, whole.trips + 1):
            for fault in (Fault.DIES_BEFORE, Fault.DIES_AFTER):
                world = MemoryHarness()
                with suppress(Died):
                    live(world, Line({trip: fault}))
                survivor = Squidie(world.storage(Line()), workflows=[Digest], actions=ACTIONS)
                run = survivor.start(Digest.begin, idempotency_key=KEY)
                survivor.schedule_dynamic_work(run, diamond(run))
                while not survivor.inspect_run(run).terminal:
                    if survivor.execute_next(lease_for=LEASE) is None:
                        world.wait(20)
                assert_done(survivor, run, "fanout")
                ends.add(tuple(sorted(survivor.inspect_run(run).context)))
        assert ends == {("bottom", "closed", "found", "left", "right", "top")}


def live(world: Harness, line: Line) -> int:
    """Start a run, add work to it, and execute it, as far as the line lets; the round trips before the work came."""
    squidie = Squidie(world.storage(line), workflows=[Digest], actions=ACTIONS)
    run = squidie.start(Digest.begin, idempotency_key=KEY)
    squidie.execute_next(lease_for=LEASE)
    trips = line.trips
    squidie.schedule_dynamic_work(run, diamond(run))
    squidie.drain(lease_for=LEASE)
    return trips
