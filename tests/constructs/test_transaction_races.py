"""Steps with `transaction=True` and somebody else at their run: the host has its row exactly when the step is applied.

A transaction is somewhere between its beginning and its commit while the others are at it, and whatever it sends may
be lost, or the answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa

from adapters.harnesses.postgresql import PostgresqlHarness
from adapters.harnesses.sqlite import SqliteHarness
from squidie_contract.engine.line import Fault
from squidie_contract.harness import Harness
from squidie_core import (
    DynamicNode,
    DynamicWork,
    InvalidTransitionError,
    Resource,
    Retry,
    Snapshot,
    Squidie,
    StepContext,
    Transaction,
    Workflow,
    step,
    trigger,
)
from squidie_core.journal.entries import DynamicWorkRecorded, RunnableApplied
from squidie_core.runtime import transactions
from tests.constructs.racing import Arena, at_every_moment, in_many_orders, outcome, with_every_fault
from tests.runtime.stores import assert_consistent, entries_of


@dataclass
class Desk:
    """Where bodies write their rows."""

    note: Callable[[object, str], None]


def write(order: str, ctx: StepContext, desk: Resource[Desk], tx: Transaction[sa.Connection]) -> dict[str, str]:
    desk.note(tx, ctx.step)
    return {ctx.step: order}


def do_nothing() -> None:
    pass


class Order(Workflow, name="order"):
    placed = trigger.manual(order=str)
    reserve = step(write, transaction=True, retry=Retry(9, None))
    ship = step(do_nothing, after=[reserve])


class Both(Workflow, name="both"):
    placed = trigger.manual(order=str)
    reserve = step(write, transaction=True, retry=Retry(9, None))
    charge = step(write, transaction=True, retry=Retry(9, None))
    ship = step(do_nothing, after=[reserve, charge])


def beget(order: str, ctx: StepContext, desk: Resource[Desk], tx: Transaction[sa.Connection]) -> None:
    ctx.start_child(Order.placed, {"order": order}, child_key="only")
    desk.note(tx, ctx.step)


class Begetting(Workflow, name="begetting"):
    placed = trigger.manual(order=str)
    beget = step(beget, transaction=True)
    ship = step(do_nothing, after=[beget])


def found(order: str, ctx: StepContext, tx: Transaction[sa.Connection]) -> None:  # noqa: ARG001  # it says so
    ctx.start_child(Order.placed, {"order": order}, child_key="only")


class Founding(Workflow, name="founding"):
    placed = trigger.manual(order=str)
    found = step(found, transaction=True)


@pytest.fixture(autouse=True)
def _without_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever found no transaction need not wait here: nobody else wants one."""
    monkeypatch.setattr(transactions, "_REST", 0.0)


@pytest.mark.parametrize("harness", [SqliteHarness, PostgresqlHarness], indirect=True, ids=["sqlite", "postgresql"])
class TestAStepInATransaction:
    def test_is_done_before_its_run_is_cancelled_or_not_at_all(self, harness: type[Harness]) -> None:
        def race(arena: Arena) -> None:
            run = started(arena)

            def cancel(squidie: Squidie) -> Any:
                return outcome(lambda: squidie.cancel(run))

            _, answer = arena.race(arena.work, cancel)
            assert told(arena, run) == written(arena)
            if isinstance(answer, InvalidTransitionError):
                finished(arena, run)
            else:
                assert arena.finish(run).status == "cancelled"
            assert told(arena, run) == written(arena)

        at_every_moment(harness, Order, race=race)

    def test_is_done_once_by_who_takes_its_run_over_and_who_had_it_before(self, harness: type[Harness]) -> None:
        def race(arena: Arena) -> None:
            run = started(arena)
            arena.race(arena.work, arena.take_over)
            finished(arena, run)

        at_every_moment(harness, Order, race=race)

    def test_is_done_beside_what_an_operator_adds(self, harness: type[Harness]) -> None:
        """Which moves the run on below a transaction that is under way: it decides again, and writes once."""

        def race(arena: Arena) -> None:
            run = started(arena)
            origin = {"step": "reserve", "attempt": 1, "runnable_key": f"{run.id}:reserve:1"}
            work = DynamicWork(key="notes", origin=origin, nodes=[DynamicNode("note", "take_note")])

            def record(squidie: Squidie) -> Any:
                return outcome(lambda: squidie.record_dynamic_work(run, work))

            _, answer = arena.race(arena.work, record)
            assert isinstance(answer, Snapshot) or answer.details["reason"] == "terminal"
            finished(arena, run)
            recorded = [entry for entry in entries_of(arena.quiet, run) if isinstance(entry, DynamicWorkRecorded)]
            assert len(recorded) == isinstance(answer, Snapshot)

        at_every_moment(harness, Order, race=race)

    def test_starts_its_child_with_its_row_or_not_at_all(self, harness: type[Harness]) -> None:
        def whole(arena: Arena, run: Snapshot) -> list[str]:
            """The runs that were started by the step, as many as there are rows and links."""
            found = arena.quiet.inspect_run(run)
            there = [child.id for child in arena.quiet.list_runs(workflow=Order).runs]
            assert [child.id for child in found.children] == there
            assert told(arena, run) == [step for step in written(arena) if step == "beget"] == ["beget"] * len(there)
            return there

        def race(arena: Arena) -> None:
            run = started(arena, Begetting)

            def cancel(squidie: Squidie) -> Any:
                return outcome(lambda: squidie.cancel(run))

            arena.race(Squidie.execute_next, cancel)
            before = whole(arena, run)
            assert arena.finish(run).status == "cancelled"
            assert whole(arena, run) == before
            assert_consistent(arena.quiet, run)

        at_every_moment(harness, Begetting, Order, race=race)

    def test_is_done_once_beside_another(self, harness: type[Harness]) -> None:
        def race(arena: Arena) -> None:
            run = started(arena, Both)
            arena.race(arena.work, arena.work)
            finished(arena, run, "charge", "reserve")

        in_many_orders(harness, Both, race=race)

    def test_is_done_once_whatever_is_lost_or_dies(self, harness: type[Harness]) -> None:
        def race(arena: Arena) -> None:
            run = started(arena)
            arena.race(arena.work)
            finished(arena, run)

        with_every_fault(harness, Order, race=race)

    def test_that_starts_a_child_does_not_fail_for_an_outage(self, harness: type[Harness]) -> None:
        """Though it has no retries: its transaction is over, so it is run again in another."""

        def race(arena: Arena) -> None:
            run = started(arena, Founding)
            arena.race(arena.work)
            assert arena.finish(run).status == "completed"
            (link,) = arena.quiet.inspect_run(run).children
            (child,) = arena.quiet.list_runs(workflow=Order).runs
            assert child.id == link.id
            assert_consistent(arena.quiet, run)

        with_every_fault(harness, Founding, Order, race=race, faults=[Fault.REQUEST_LOST])


def started(arena: Arena, workflow: type[Workflow] = Order) -> Snapshot:
    arena.resources[Desk] = Desk(arena.harness.note)
    return arena.quiet.start(workflow, {"order": "one"})


def told(arena: Arena, run: Snapshot) -> list[str]:
    """The steps with rows that are applied by the run's journal."""
    applied = [entry.runnable_key for entry in entries_of(arena.quiet, run) if isinstance(entry, RunnableApplied)]
    return sorted(key.split(":")[1] for key in applied if ":ship:" not in key)


def written(arena: Arena) -> list[str]:
    """Those whose rows the host has."""
    return sorted(arena.harness.notes())


def finished(arena: Arena, run: Snapshot, *steps: str) -> None:
    """Whatever is left is done, and each row is there once."""
    assert told(arena, run) == written(arena)
    assert arena.finish(run).status == "completed"
    assert told(arena, run) == written(arena) == list(steps or ["reserve"])
    assert_consistent(arena.quiet, run)
