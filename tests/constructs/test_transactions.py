# ruff: noqa: S608 -- texts are put together from names that tests give
"""Steps with `transaction=True`: what a body writes and its completion are there together, once, or not at all."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from squidie_core import (
    Backoff,
    Defer,
    DefinitionError,
    NotSupported,
    Resource,
    Retry,
    Snapshot,
    Squidie,
    StepContext,
    Transaction,
    Unavailable,
    Workflow,
    step,
    trigger,
)
from squidie_core.authoring import NoTransactionError, compiled
from squidie_storage_sql.lending import Loan
from tests.constructs.hosts import Host, Orders
from tests.processes import Processes
from tests.runtime.stores import SqliteStore, Store, assert_consistent, claims_of, working
from tests.runtime.waiting import eventually


@dataclass
class Desk:
    """What bodies work at. `meanwhile` happens within each, after its row."""

    orders: Orders
    meanwhile: Callable[[], object] = field(default=lambda: None)


def write(order: str, desk: Resource[Desk], tx: Transaction[sa.Connection]) -> dict[str, str]:
    desk.orders.add(tx, order)
    desk.meanwhile()
    return {"written": order}


def write_by_session(order: str, desk: Resource[Desk], tx: Transaction[Session]) -> None:
    desk.orders.add(tx, order)


def write_by_psycopg(order: str, desk: Resource[Desk], tx: Transaction[psycopg.Connection[Any]]) -> None:
    desk.orders.add(tx, order)


def write_by_sqlite3(order: str, desk: Resource[Desk], tx: Transaction[sqlite3.Connection]) -> None:
    desk.orders.add(tx, order)


def fail_once(order: str, desk: Resource[Desk], tx: Transaction[sa.Connection], ctx: StepContext) -> None:
    desk.orders.add(tx, f"{order} {ctx.attempt}")
    if ctx.attempt == 1:
        raise RuntimeError("the printer is out of paper")


def put_off(order: str, desk: Resource[Desk], tx: Transaction[sa.Connection]) -> Defer | None:
    desk.orders.add(tx, order)
    return Defer("later", after=0) if desk.orders.words == [] else None


def swallow(order: str, desk: Resource[Desk], tx: Transaction[sa.Connection]) -> None:
    desk.orders.add(tx, order)
    with suppress(DBAPIError):
        tx.execute(sa.text("select * from no_such_table"))


def commit_itself(order: str, desk: Resource[Desk], tx: Transaction[sa.Connection]) -> None:
    desk.orders.add(tx, order)
    tx.commit()


def start_shipping(order: str, desk: Resource[Desk], tx: Transaction[sa.Connection], ctx: StepContext) -> None:
    desk.orders.add(tx, order)
    ctx.start_child(Order.placed, {"order": f"child of {order}"}, child_key="one")
    if order == "bad":
        raise RuntimeError("after all was done")


def do_nothing() -> None:
    pass


class Order(Workflow, name="order"):
    placed = trigger.manual(order=str)
    write = step(write, transaction=True)
    ship = step(do_nothing)
    transitions = (write.ok.to(ship),)


class ByHandle(Workflow, name="by-handle"):
    connection = trigger.manual(order=str)
    write = step(write, transaction=True)


class BySession(Workflow, name="by-session"):
    placed = trigger.manual(order=str)
    write = step(write_by_session, transaction=True)


class ByPsycopg(Workflow, name="by-psycopg"):
    placed = trigger.manual(order=str)
    write = step(write_by_psycopg, transaction=True)


class BySqlite3(Workflow, name="by-sqlite3"):
    placed = trigger.manual(order=str)
    write = step(write_by_sqlite3, transaction=True)


class Retried(Workflow, name="retried"):
    placed = trigger.manual(order=str)
    write = step(fail_once, transaction=True, retry=Retry(2, Backoff(min=0, max=0)))


class Timed(Workflow, name="timed"):
    placed = trigger.manual(order=str)
    write = step(write, transaction=True, timeout=0.05)


class PutOff(Workflow, name="put-off"):
    placed = trigger.manual(order=str)
    write = step(put_off, transaction=True)


class Swallows(Workflow, name="swallows"):
    placed = trigger.manual(order=str)
    write = step(swallow, transaction=True)


class Commits(Workflow, name="commits"):
    placed = trigger.manual(order=str)
    write = step(commit_itself, transaction=True)


class Parent(Workflow, name="parent"):
    placed = trigger.manual(order=str)
    write = step(start_shipping, transaction=True, await_children=True)


class Beside(Workflow, name="beside"):
    placed = trigger.manual(order=str)
    write = step(write, transaction=True)
    other = step(do_nothing)
    last = step(do_nothing, after=[write, other])


def opened(host: Host, *workflows: type[Workflow], **options: Any) -> Any:
    desk = Desk(host.orders)
    squidie: Any = host.store.open(*workflows, resources={Desk: desk}, **options)
    squidie.desk = desk
    return squidie


class TestAStepInATransaction:
    def test_writes_its_row_and_its_completion_together(self, host: Host) -> None:
        squidie = opened(host, Order)
        other = host.store.open(Order, resources={Desk: squidie.desk})
        run = squidie.start(Order.placed, {"order": "one"})
        seen: list[Any] = []
        squidie.desk.meanwhile = lambda: seen.append((host.orders.words, other.inspect_run(run).reason))
        written = squidie.execute_next()
        assert seen == [([], "attempt_claimed")]
        assert host.orders.words == ["one"]
        assert written.output(Order.write) == {"written": "one"}
        assert squidie.execute_next().status == "completed"
        assert_consistent(squidie, run)

    @pytest.mark.parametrize("kind", ["session", "driver"])
    def test_takes_the_transaction_as_its_annotation_says(self, host: Host, kind: str) -> None:
        driver = BySqlite3 if isinstance(host.store, SqliteStore) else ByPsycopg
        workflow = BySession if kind == "session" else driver
        squidie = opened(host, workflow)
        run = squidie.start(workflow, {"order": "one"})
        assert drained(squidie, run).status == "completed"
        assert host.orders.words == ["one"]

    def test_works_in_a_worker(self, host: Host, caplog: pytest.LogCaptureFixture) -> None:
        squidie = opened(host, Order)
        runs = squidie.start_many(Order.placed, [{"order": str(number)} for number in range(10)])
        with working(squidie):
            eventually(lambda: all(squidie.inspect_run(run).status == "completed" for run in runs))
        assert host.orders.words == sorted(str(number) for number in range(10))
        assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
        metrics = squidie.metrics()
        assert (metrics.attempts_completed, metrics.claims_lost, metrics.runs_completed) == (20, 0, 10)

    def test_that_fails_leaves_nothing_but_its_failure(self, host: Host) -> None:
        squidie = opened(host, Retried)
        run = squidie.start(Retried.placed, {"order": "one"})
        assert squidie.drain() == 2
        found = squidie.inspect_run(run)
        assert [view.status for view in found.attempts] == ["failed", "applied"]
        assert host.orders.words == ["one 2"]

    def test_that_puts_itself_off_keeps_what_it_wrote(self, host: Host) -> None:
        squidie = opened(host, PutOff)
        run = squidie.start(PutOff.placed, {"order": "one"})
        assert squidie.drain() == 2
        assert squidie.inspect_run(run).status == "completed"
        assert host.orders.words == ["one", "one"]

    def test_starts_children_with_its_rows_or_not_at_all(self, host: Host) -> None:
        squidie = opened(host, Parent, Order)
        run = squidie.start(Parent.placed, {"order": "bad"})
        assert drained(squidie, run).status == "failed"
        assert len(squidie.list_runs().runs) == 1
        run = squidie.start(Parent.placed, {"order": "good"})
        assert drained(squidie, run).status == "completed"
        assert [found.status for found in squidie.list_runs(workflow=Order).runs] == ["completed"]
        assert host.orders.words == ["child of good", "good"]

    def test_that_goes_on_after_an_error_fails(self, postgresql_host: Host) -> None:
        found = _done(postgresql_host, Swallows)
        assert found.error is not None
        assert found.error["code"] == "transaction_failed"
        assert postgresql_host.orders.words == []

    def test_cannot_end_its_transaction(self, host: Host) -> None:
        found = _done(host, Commits)
        assert found.status == "failed"
        assert host.orders.words == []

    def test_whose_rows_the_store_refuses_at_the_commit_fails(self, postgresql_host: Host) -> None:
        name = postgresql_host.orders.name
        with postgresql_host.engine.begin() as connection:
            connection.exec_driver_sql(f"alter table {name} add unique (word) deferrable initially deferred")
            connection.exec_driver_sql(f"insert into {name} values ('one')")
        found = _done(postgresql_host, ByHandle)
        assert found.error is not None
        assert (found.status, found.error["code"]) == ("failed", "refused")
        assert postgresql_host.orders.words == ["one"]

    def test_whose_run_is_cancelled_meanwhile_is_rolled_back(self, postgresql_host: Host) -> None:
        squidie = opened(postgresql_host, Order)
        run = squidie.start(Order.placed, {"order": "one"})
        squidie.desk.meanwhile = lambda: squidie.cancel(run)
        assert drained(squidie, run).status == "cancelled"
        assert postgresql_host.orders.words == []
        assert_consistent(squidie, run)

    def test_whose_run_moves_on_meanwhile_decides_again(self, postgresql_host: Host) -> None:
        squidie = opened(postgresql_host, Beside)
        run = squidie.start(Beside.placed, {"order": "one"})
        others: list[Any] = []

        def meanwhile() -> None:
            squidie.desk.meanwhile = lambda: None
            others.append(squidie.execute_next())

        squidie.desk.meanwhile = meanwhile
        squidie.drain()
        assert len(others) == 1
        assert squidie.inspect_run(run).status == "completed"
        assert postgresql_host.orders.words == ["one"]
        assert_consistent(squidie, run)

    def test_that_takes_too_long_is_rolled_back(self, host: Host) -> None:
        squidie = opened(host, Timed)
        run = squidie.start(Timed.placed, {"order": "one"})

        def meanwhile() -> None:
            end = time.monotonic() + 0.1
            eventually(lambda: time.monotonic() > end)

        squidie.desk.meanwhile = meanwhile
        found = drained(squidie, run)
        assert found.error is not None
        assert (found.status, found.error["code"]) == ("failed", "step_timeout")
        assert host.orders.words == []
        assert_consistent(squidie, run)

    def test_whose_claim_was_taken_over_is_rolled_back(self, postgresql_host: Host) -> None:
        squidie = opened(postgresql_host, Order)
        run = squidie.start(Order.placed, {"order": "one"})
        taker = opened(postgresql_host, Order)

        def meanwhile() -> None:
            eventually(taker.execute_next)  # when the lease of the first has run out
            taken.append(run.id)

        taken: list[str] = []
        squidie.desk.meanwhile = meanwhile
        while not taken:  # a claim whose answer took most of so short a lease is given back
            squidie.execute_next(owner_id="first", lease_for=0.1)
        owners = [claim.owner_id for claim in claims_of(squidie, run)]
        assert owners.index("first") == 0
        assert owners.count("first") == len(owners) - 1
        assert owners[-1] != "first"
        assert postgresql_host.orders.words == ["one"]
        assert squidie.drain() == 1
        assert_consistent(squidie, run)


class TestACommitWhoseAnswerIsLost:
    def test_that_took_effect_is_not_done_again(self, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
        squidie = opened(host, Order)
        run = squidie.start(Order.placed, {"order": "one"})
        loan = next(cls for cls in Loan.__subclasses__() if cls.__module__.split(".")[1] == host.store.name)
        commit = loan.commit

        def deaf(self: Loan) -> None:
            commit(self)
            raise Unavailable("the answer was lost", outcome="unknown")

        monkeypatch.setattr(loan, "commit", deaf)
        squidie.execute_next()
        monkeypatch.undo()
        squidie.drain()
        assert squidie.inspect_run(run).status == "completed"
        assert host.orders.words == ["one"]
        assert_consistent(squidie, run)

    def test_that_took_none_is_done_again(self, postgresql_host: Host) -> None:
        """The server ends the session while it commits."""
        squidie = opened(postgresql_host, Order)
        run = squidie.start(Order.placed, {"order": "one"})
        name = postgresql_host.orders.name
        with postgresql_host.engine.begin() as connection:
            connection.exec_driver_sql(f"create sequence {name}_tries")
            connection.exec_driver_sql(
                f"create function {name}_end() returns trigger language plpgsql as $$ begin "
                f"if nextval('{name}_tries') = 1 then perform pg_terminate_backend(pg_backend_pid()); end if; "
                "return null; end $$"
            )
            connection.exec_driver_sql(
                f"create constraint trigger ends after insert on {name} deferrable initially deferred "
                f"for each row execute function {name}_end()"
            )
        squidie.execute_next()
        assert postgresql_host.orders.words == []
        assert squidie.inspect_run(run).reason == "attempt_visible"
        assert squidie.drain() == 2
        assert squidie.inspect_run(run).status == "completed"
        assert postgresql_host.orders.words == ["one"]
        assert_consistent(squidie, run)
        with postgresql_host.engine.begin() as connection:
            connection.exec_driver_sql(f"drop function {name}_end cascade")
            connection.exec_driver_sql(f"drop sequence {name}_tries")


class TestACrash:
    @pytest.mark.parametrize("where", ["body", "commit"])
    def test_leaves_the_step_to_the_next_worker(self, host: Host, where: str) -> None:
        squidie = opened(host, Order)
        run = squidie.start(Order.placed, {"order": "one"})
        with Processes("tests.constructs.transaction_program") as processes:
            process = processes.run(host.store.url, host.orders.name, where)
            assert process.line() == "here"
            process.kill()
        assert host.orders.words == []
        eventually(lambda: squidie.execute_next() and squidie.inspect_run(run).status == "completed")
        assert host.orders.words == ["one"]
        assert_consistent(squidie, run)


class TestItsDefinition:
    def test_needs_a_store_that_takes_part_in_transactions(self, memory: Store) -> None:
        with pytest.raises(NotSupported) as refused:
            memory.open(Order, resources={Desk: object()})
        assert refused.value.code == "host_transactions_not_supported"
        assert "'write'" in refused.value.message

    def test_needs_a_handle_that_the_store_has(self, sqlite_host: Host) -> None:
        with pytest.raises(NotSupported, match=r"gives .*sqlite3.Connection") as refused:
            opened(sqlite_host, ByPsycopg)
        assert refused.value.code == "unknown_transaction_handle"

    def test_says_so_on_both_sides(self) -> None:
        wrong = (
            (step(write_by_session), "transaction=True"),
            (step(do_nothing, transaction=True), "Transaction["),
            (step(do_nothing, compensate=write_by_session), "without"),
        )
        for declared, hint in wrong:
            with pytest.raises(DefinitionError) as refused:
                type("Wrong", (Workflow,), {"placed": trigger.manual(order=str), "write": declared}, name="wrong")
            (problem,) = refused.value.problems
            assert problem.code == "invalid_step_transaction_boundary"
            assert hint in problem.hint

    def test_can_be_tried_without_a_store(self) -> None:
        given = object()
        body = compiled(BySession).bodies["write"]
        context = StepContext("one", resources={Desk: given}, transaction=lambda kind: (kind, given))
        assert body.call_arguments({"order": "o"}, context)["tx"] == (Session, given)
        with pytest.raises(NoTransactionError):
            body.call_arguments({"order": "o"}, StepContext("one", resources={Desk: given}))


def drained(squidie: Squidie, run: Snapshot) -> Snapshot:
    """The run when its bodies have run: an attempt for which no connection was to be had in time is given back."""
    squidie.drain()
    return squidie.inspect_run(run)


def _done(host: Host, workflow: type[Workflow]) -> Snapshot:
    squidie = opened(host, workflow)
    found = drained(squidie, squidie.start(workflow, {"order": "one"}))
    assert_consistent(squidie, found)
    return found
