"""Steps with `transaction=True` whose transactions their bodies end, the server ends, or the lease does not outlive."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from squidie_core import (
    DynamicNode,
    DynamicWork,
    NotSupported,
    OptionError,
    Resource,
    Squidie,
    StepContext,
    Transaction,
    Workflow,
    sequence,
    step,
    trigger,
)
from squidie_core.runtime import transactions
from squidie_core.runtime.attempts import Attempt, Failed, Flag, Outcome, Released
from squidie_core.runtime.bodies import Inbox, ThreadBodies
from squidie_core.runtime.running import run_attempt
from squidie_core.runtime.single import Turn, TurnOptions
from tests.constructs.hosts import Host
from tests.constructs.test_transactions import Desk, Order, do_nothing, opened, write
from tests.runtime.stores import Store, assert_consistent, claims_of, working
from tests.runtime.waiting import PATIENCE, eventually


def close_driver(order: str, desk: Resource[Desk], tx: Transaction[sa.Connection]) -> None:
    desk.orders.add(tx, order)
    tx.connection.close()


def close_connection(order: str, desk: Resource[Desk], tx: Transaction[sa.Connection]) -> None:
    with tx:
        desk.orders.add(tx, order)


def close_session(order: str, desk: Resource[Desk], tx: Transaction[Session]) -> None:
    with tx:
        desk.orders.add(tx, order)


def end_by_statement(order: str, desk: Resource[Desk], tx: Transaction[sa.Connection]) -> None:
    desk.orders.add(tx, order)
    tx.exec_driver_sql("rollback")


def lose(order: str, desk: Resource[Desk], tx: Transaction[psycopg.Connection[Any]]) -> None:
    desk.orders.add(tx, order)
    with psycopg.connect(tx.info.dsn, password=tx.info.password, autocommit=True) as other:
        other.execute("select pg_terminate_backend(%s, 10000)", (tx.info.backend_pid,))


def go_elsewhere(order: str, desk: Resource[Desk], tx: Transaction[sa.Connection]) -> None:
    desk.orders.add(tx, order)
    tx.exec_driver_sql("set local search_path to pg_catalog")


def start_twice(order: str, tx: Transaction[sa.Connection], ctx: StepContext) -> dict[str, list[bool]]:
    savepoint = tx.begin_nested()
    first = ctx.start_child(Order.placed, {"order": order}, child_key="one")
    savepoint.rollback()
    second = ctx.start_child(Order.placed, {"order": order}, child_key="one")
    third = ctx.start_child(Order.placed, {"order": order}, child_key="one")
    return {"new": [first.is_new, second.is_new, third.is_new]}


class CloseDriver(Workflow, name="close-driver"):
    placed = trigger.manual(order=str)
    write = step(close_driver, transaction=True)


class CloseConnection(Workflow, name="close-connection"):
    placed = trigger.manual(order=str)
    write = step(close_connection, transaction=True)


class CloseSession(Workflow, name="close-session"):
    placed = trigger.manual(order=str)
    write = step(close_session, transaction=True)


class EndByStatement(Workflow, name="end-by-statement"):
    placed = trigger.manual(order=str)
    write = step(end_by_statement, transaction=True)


class Lose(Workflow, name="lose"):
    placed = trigger.manual(order=str)
    write = step(lose, transaction=True, max_deliveries=2)


class GoElsewhere(Workflow, name="go-elsewhere"):
    placed = trigger.manual(order=str)
    write = step(go_elsewhere, transaction=True)


def start_first(order: str, desk: Resource[Desk], tx: Transaction[sa.Connection], ctx: StepContext) -> None:
    desk.orders.add(tx, f"parent of {order}")
    ctx.start_child(Order.placed, {"order": order}, child_key="one")
    desk.meanwhile()
    desk.meanwhile = do_nothing


class StartFirst(Workflow, name="start-first"):
    placed = trigger.manual(order=str)
    write = step(start_first, transaction=True, await_children=True)


def start_beside(order: str, desk: Resource[Desk], tx: Transaction[Session]) -> dict[str, str]:
    squidie = cast("Squidie", desk.meanwhile())
    other = squidie.within(tx).start(Order.placed, {"order": order})
    if order == "bad":
        raise RuntimeError("after all was done")
    return {"other": other.id}


class StartBeside(Workflow, name="start-beside"):
    placed = trigger.manual(order=str)
    write = step(start_beside, transaction=True)


class StartTwice(Workflow, name="start-twice"):
    placed = trigger.manual(order=str)
    write = step(start_twice, transaction=True, await_children=True)


async def write_later(order: str, tx: Transaction[sa.Connection]) -> None: ...


class Gated(Workflow, name="gated-for-work"):
    placed = trigger.manual()
    begin = step(do_nothing)
    gate = step.pause()
    transitions = sequence(begin, gate)


class TestABodyThatEndsItsTransaction:
    @pytest.mark.parametrize("workflow", [CloseDriver, CloseConnection, EndByStatement])
    def test_fails_and_leaves_its_worker_whole(self, host: Host, workflow: type[Workflow]) -> None:
        squidie = opened(host, workflow, Order)
        runs = squidie.start_many(next(iter(_triggers(workflow))), [{"order": str(number)} for number in range(3)])
        with working(squidie, concurrency=1):
            eventually(lambda: all(squidie.inspect_run(run).status == "failed" for run in runs))
            after = squidie.start(Order.placed, {"order": "after"})
            eventually(lambda: squidie.inspect_run(after).status == "completed")
        assert host.orders.words == ["after"]
        for run in runs:
            assert len(claims_of(squidie, run)) == 1
            assert_consistent(squidie, run)

    def test_may_close_its_session(self, host: Host) -> None:
        squidie = opened(host, CloseSession)
        squidie.start(CloseSession.placed, {"order": "one"})
        assert squidie.execute_next().status == "completed"
        assert host.orders.words == ["one"]


class TestALostConnection:
    def test_counts_as_a_delivery(self, postgresql_host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
        """Or a body that outlives `idle_in_transaction_session_timeout` would be run for ever."""
        monkeypatch.setattr(transactions, "_REST", 0.0)
        squidie = opened(postgresql_host, Lose)
        run = squidie.start(Lose.placed, {"order": "one"})
        assert squidie.execute_next().reason == "attempt_visible"
        squidie.drain(limit=5)
        found = squidie.inspect_run(run)
        assert (found.status, found.error["code"]) == ("failed", "max_deliveries")
        assert len(claims_of(squidie, run)) == 2
        assert postgresql_host.orders.words == []
        assert_consistent(squidie, run)


class TestWaitingForATurn:
    def test_is_in_vain_once_nobody_wants_the_outcome(self, host: Host) -> None:
        """On PostgreSQL four bodies have a transaction at a time, on SQLite one."""
        squidie = opened(host, Order)
        squidie.start(Order.placed, {"order": "one"})
        options = TurnOptions(queue="default", owner_id="w", lease_for=30_000, heartbeat_every=None)
        attempt = Turn(squidie.store, options).take()
        assert attempt is not None
        called: list[int] = []
        squidie.desk.meanwhile = lambda: called.append(1)
        attempt.lost.set()
        assert run_attempt(squidie.store, attempt) == Released()
        assert called == []


class TestALeaseThatRunsOut:
    """On SQLite nobody can renew it while the body has the only lock, and nobody can take it over."""

    def test_in_a_worker(self, sqlite_host: Host) -> None:
        squidie = opened(sqlite_host, Order)
        lapse: Callable[[], None] = _outlive(squidie)
        squidie.desk.meanwhile = lapse
        run = squidie.start(Order.placed, {"order": "one"})
        with working(squidie, lease_for=0.2):
            eventually(lambda: squidie.inspect_run(run).status == "completed")
        assert sqlite_host.orders.words == ["one"]
        assert [claim.runnable_key for claim in claims_of(squidie, run)] == [f"{run.id}:write:1", f"{run.id}:ship:1"]
        assert_consistent(squidie, run)

    def test_without_heartbeats(self, host: Host) -> None:
        squidie = opened(host, Order)
        squidie.desk.meanwhile = _outlive(squidie)
        run = squidie.start(Order.placed, {"order": "one"})
        assert squidie.execute_next(lease_for=0.1).output(Order.write) == {"written": "one"}
        assert host.orders.words == ["one"]
        assert_consistent(squidie, run)

    def test_while_its_children_keep_the_run_locked(self, postgresql_host: Host) -> None:
        squidie, taker = opened(postgresql_host, StartFirst, Order), opened(postgresql_host, StartFirst, Order)
        outlive = _outlive(squidie)
        taken: list[object] = []

        def meanwhile() -> None:
            outlive()
            taken.append(taker.execute_next())

        squidie.desk.meanwhile = meanwhile
        run = squidie.start(StartFirst.placed, {"order": "one"})
        assert squidie.execute_next(lease_for=1.5).reason == "awaiting_children"
        assert taken == [None]
        squidie.drain()
        assert squidie.inspect_run(run).status == "completed"
        assert len(claims_of(squidie, run)) == 1
        assert_consistent(squidie, run)


class TestItsPlace:
    def test_is_not_changed_by_a_search_path(self, postgresql_host: Host) -> None:
        squidie = opened(postgresql_host, GoElsewhere)
        squidie.start(GoElsewhere.placed, {"order": "one"})
        assert squidie.execute_next().status == "completed"
        assert postgresql_host.orders.words == ["one"]


class TestWithin:
    def test_starts_runs_with_the_bodys_rows_or_not_at_all(self, host: Host) -> None:
        squidie = opened(host, StartBeside, Order)
        squidie.desk.meanwhile = lambda: squidie
        squidie.start(StartBeside.placed, {"order": "bad"})
        assert squidie.execute_next().status == "failed"
        assert len(squidie.list_runs().runs) == 1
        squidie.start(StartBeside.placed, {"order": "good"})
        run = squidie.execute_next()
        assert run.status == "completed"
        squidie.drain()
        assert squidie.inspect_run(run.context["other"]).status == "completed"
        assert host.orders.words == ["good"]


class TestForeignKeys:
    @pytest.mark.parametrize("held", [True, False])
    def test_hold_on_sqlite_where_it_is_told_so(self, sqlite_host: Host, *, held: bool) -> None:
        name = sqlite_host.orders.name
        with sqlite_host.transaction("driver") as driver:
            driver.execute("create table words (word text primary key)")
            driver.execute(f"drop table {name}")
            driver.execute(f"create table {name} (word text references words deferrable initially deferred)")
        squidie = Squidie(
            sqlite_host.store.url,
            workflows=[Order],
            resources={Desk: Desk(sqlite_host.orders)},
            storage_options={"foreign_keys": held},
        )
        with squidie:
            run = squidie.start(Order.placed, {"order": "unknown"})
            squidie.drain()
            found = squidie.inspect_run(run)
            assert (found.error and found.error["code"]) == ("refused" if held else None)
        assert sqlite_host.orders.words == ([] if held else ["unknown"])


class TestChildren:
    def test_that_a_savepoint_took_back_are_started_anew(self, host: Host) -> None:
        squidie = opened(host, StartTwice, Order)
        run = squidie.start(StartTwice.placed, {"order": "one"})
        squidie.drain()
        found = squidie.inspect_run(run)
        assert found.status == "completed"
        assert found.context["new"] == [True, True, False]
        assert host.orders.words == ["one"]
        assert_consistent(squidie, run)


class TestActions:
    """Bodies of dynamic work may take a transaction too."""

    def test_write_their_rows_with_their_nodes_completion(self, host: Host) -> None:
        squidie = opened(host, Gated, actions={"write": write})
        squidie.start(Gated.placed)
        run = squidie.execute_next()
        nodes = [DynamicNode("written", "write", {"order": "one"})]
        squidie.schedule_dynamic_work(run, DynamicWork(key="k", origin=run.attempts[0], nodes=nodes))
        squidie.drain()
        assert host.orders.words == ["one"]
        assert squidie.resume(run).context["written"] == {"written": "one"}

    def test_need_a_store_that_takes_part(self, memory: Store) -> None:
        with pytest.raises(NotSupported, match="action 'write'") as refused:
            memory.open(Gated, resources={Desk: object()}, actions={"write": write})
        assert refused.value.code == "host_transactions_not_supported"

    def test_are_no_coroutines(self, memory: Store) -> None:
        with pytest.raises(OptionError, match="without async") as refused:
            memory.open(Gated, actions={"write": write_later})
        assert refused.value.code == "invalid_action"


class TestThreads:
    def test_outlive_whatever_comes_out_of_a_body(self) -> None:
        def run(_: Attempt) -> Outcome:
            raise RuntimeError("nobody caught this")

        inbox = Inbox()
        bodies = ThreadBodies(1, inbox, run)
        attempt = cast("Attempt", SimpleNamespace(lost=Flag(), body=None))
        bodies.run([attempt, attempt])
        outcomes: list[object] = []
        while len(outcomes) < 2:
            outcomes += inbox.collect(PATIENCE, 2)
        assert all(isinstance(outcome, tuple) and isinstance(outcome[1], Failed) for outcome in outcomes)
        bodies.stop()


def _triggers(workflow: type[Workflow]) -> list[Any]:
    return [vars(workflow)["placed"]]


def _outlive(squidie: Squidie) -> Callable[[], None]:
    """What ends when the lease of the attempt that runs is over."""

    def wait() -> None:
        (view,) = squidie.list_runs().runs
        until = squidie.inspect_run(view.id).attempts[0].lease_until
        assert until is not None
        eventually(lambda: time.time() > until.timestamp() + 0.05)

    return wait
