"""Workers and operators at one family of runs at once."""

from __future__ import annotations

from functools import partial

import pytest

from adapters.harnesses.memory import MemoryHarness
from squidie_contract.harness import Harness
from squidie_core import ConflictError, InvalidTransitionError, Snapshot, Squidie, StepContext
from squidie_core.journal.entries import ChildRunEnded, ChildRunStarted
from tests.constructs.families import ALL, Packing, Play, Waiting
from tests.constructs.racing import Arena, at_every_moment, in_many_orders
from tests.runtime.flows import Order
from tests.runtime.stores import assert_consistent, claims_of, entries_of


def start_two(ctx: StepContext) -> None:
    for key in ("a", "b"):
        ctx.start_child(Packing.order, Order(key), child_key=key)


PLAY = {Play: Play(start_two)}


def check(arena: Arena, run: Snapshot) -> Snapshot:
    """The family holds together; the parent at its end."""
    squidie, done = arena.quiet, arena.finish(run)
    linked = {e.child_run_id for e in entries_of(squidie, run) if isinstance(e, ChildRunStarted)}
    there = {found.id for found in squidie.list_runs(workflow=Packing).runs}
    assert linked == there, "a link without a child, or a child without a link"
    for each in (run.id, *there):
        assert_consistent(squidie, each)
    assert len(there) == len(done.children)
    if done.status == "completed":
        ended = [e for e in entries_of(squidie, run) if isinstance(e, ChildRunEnded)]
        own = {child.child_key: squidie.inspect_run(child.id).status for child in done.children}
        assert {e.child_key: e.status for e in ended} == own
        assert {key: told["status"] for key, told in done.context["children"].items()} == own
        assert sorted(own) == ["a", "b"]
    return done


def cancel_the_children(run: Snapshot, squidie: Squidie) -> None:
    for child in squidie.inspect_run(run).children:
        try:
            squidie.cancel(child.id)
        except (InvalidTransitionError, ConflictError):
            continue


def test_two_deliveries_of_a_step_start_each_child_once(harness: type[Harness]) -> None:
    def race(arena: Arena) -> None:
        run = arena.quiet.start(Waiting)
        arena.race(arena.work, arena.take_over, arena.work)
        assert check(arena, run).status == "completed"

    in_many_orders(harness, *ALL, race=race, clients=3, resources=PLAY)


def test_children_that_end_at_once_and_while_the_step_completes_are_all_joined(harness: type[Harness]) -> None:
    def race(arena: Arena) -> None:
        run = arena.quiet.start(Waiting)
        arena.race(*[arena.work_steadily] * 3)
        assert check(arena, run).status == "completed"
        assert len(claims_of(arena.quiet, run)) == 1

    in_many_orders(harness, *ALL, race=race, clients=3, resources=PLAY)


@pytest.mark.parametrize("children", [False, True])
def test_a_parent_that_is_cancelled_meanwhile_is_whole(harness: type[Harness], children: bool) -> None:  # noqa: FBT001  # a case
    def race(arena: Arena) -> None:
        run = arena.quiet.start(Waiting)
        over: list[str] = []

        def cancel(squidie: Squidie) -> None:
            try:
                squidie.cancel(run, children=children)
            except InvalidTransitionError:
                over.append(run.id)

        arena.race(arena.work, cancel, arena.work)
        done = check(arena, run)
        assert done.status == ("completed" if over else "cancelled")
        if children and not over:
            statuses = {arena.quiet.inspect_run(child.id).status for child in done.children}
            assert statuses <= {"cancelled", "completed"}

    at_every_moment(harness, *ALL, race=race, resources=PLAY)
    in_many_orders(MemoryHarness, *ALL, race=race, clients=3, resources=PLAY)


def test_a_child_that_is_cancelled_meanwhile_is_joined_as_such(harness: type[Harness]) -> None:
    def race(arena: Arena) -> None:
        run = arena.quiet.start(Waiting)
        arena.race(arena.work, partial(cancel_the_children, run), arena.work)
        assert check(arena, run).status == "completed"

    at_every_moment(harness, *ALL, race=race, resources=PLAY)
    in_many_orders(MemoryHarness, *ALL, race=race, clients=3, resources=PLAY)


def test_a_worker_that_dies_or_is_cut_off_leaves_a_whole_family(harness: type[Harness]) -> None:
    def race(arena: Arena) -> None:
        run = arena.quiet.start(Waiting)
        arena.race(arena.work, arena.work)
        assert check(arena, run).status == "completed"

    in_many_orders(harness, *ALL, race=race, faults=True, resources=PLAY)
