# ruff: noqa: S608 -- texts are put together from names that tests give
"""Commands in a transaction of the host's: with its rows they happen or do not happen."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from psycopg.rows import dict_row
from sqlalchemy.orm import Session

from squidie_core import (
    ConflictError,
    NotFoundError,
    NotSupported,
    OptionError,
    SchemaError,
    Snapshot,
    Squidie,
    TransactionAborted,
    Workflow,
    end,
    step,
    trigger,
)
from squidie_storage_sql import open_notifier
from tests.constructs.hosts import KINDS, Host
from tests.processes import Processes
from tests.runtime.stores import Store, assert_consistent, working
from tests.runtime.waiting import eventually


def do_nothing() -> None:
    pass


class Fulfil(Workflow, name="fulfil"):
    ordered = trigger.manual(order=str)
    review = step.approval()
    ship = step(do_nothing)
    transitions = (review.ok.to(ship), review.error.to(end))


class Ship(Workflow, name="ship"):
    ordered = trigger.manual(order=str)
    ship = step(do_nothing)


class TestWithin:
    @pytest.mark.parametrize("kind", KINDS)
    def test_the_order_and_its_run_are_there_together_or_not_at_all(self, host: Host, kind: str) -> None:
        squidie = host.store.open(Fulfil, Ship)
        with host.undone(kind) as transaction:
            host.orders.add(transaction, "gone")
            gone = squidie.within(transaction).start(Fulfil.ordered, {"order": "gone"})
        with pytest.raises(NotFoundError):
            squidie.inspect_run(gone)
        assert host.orders.words == []
        with host.transaction(kind) as transaction:
            host.orders.add(transaction, "one")
            commands = squidie.within(transaction)
            run = commands.start(Fulfil.ordered, {"order": "one"}, idempotency_key="one")
            more = commands.start_many(Ship.ordered, [{"order": "two"}, {"order": "three"}])
            assert commands.start(Fulfil.ordered, {"order": "one"}, idempotency_key="one").id == run.id
            assert commands.approve(run, actor="Sam").reason == "attempt_visible"
            commands.cancel(more[0])
        assert host.orders.words == ["one"]
        assert [squidie.inspect_run(one).status for one in (run, *more)] == ["running", "cancelled", "running"]
        assert squidie.drain() == 2
        assert squidie.inspect_run(run).status == "completed"
        for one in (run, *more):
            assert_consistent(squidie, one)

    def test_nobody_sees_it_before_the_commit(self, host: Host) -> None:
        squidie, other = host.store.open(Ship), host.store.open(Ship)
        with host.transaction() as transaction:
            run = squidie.within(transaction).start(Ship.ordered, {"order": "one"})
            with pytest.raises(NotFoundError):
                other.inspect_run(run)
            with pytest.raises(NotFoundError):
                squidie.inspect_run(run)
            assert squidie.list_runs().runs == ()
            assert other.execute_next() is None
        assert squidie.inspect_run(run).status == "running"

    def test_a_definition_that_was_rolled_back_is_there_for_the_next_start(self, host: Host) -> None:
        squidie = host.store.open(Ship)
        with host.undone() as transaction:
            squidie.within(transaction).start(Ship.ordered, {"order": "one"})
        run = squidie.start(Ship.ordered, {"order": "one"})
        assert _definitions(host) == 1
        assert host.store.open().inspect_run(run).status == "running"

    def test_state_of_a_transaction_that_was_rolled_back_is_nobodys(self, host: Host) -> None:
        squidie = host.store.open(Fulfil)
        run = squidie.start(Fulfil.ordered, {"order": "one"})
        with working(squidie):
            with host.undone() as transaction:
                squidie.within(transaction).approve(run, actor="Sam")
            assert squidie.inspect_run(run).waiting_for == run.waiting_for
            with host.transaction() as transaction:
                squidie.within(transaction).reject(run, actor="Gandalf")
            eventually(lambda: squidie.inspect_run(run).status == "completed")
        assert_consistent(squidie, run)

    def test_a_session_wakes_workers_after_its_commit_and_not_after_a_rollback(self, host: Host) -> None:
        squidie = host.store.open(Ship)
        heard: list[float] = []
        end_listening = squidie.wakeups.listen("default", heard.append)
        with Session(host.engine) as session:
            squidie.within(session).start(Ship.ordered, {"order": "one"})
            session.rollback()
            assert heard == []
            commands = squidie.within(session)
            commands.start(Ship.ordered, {"order": "two"})
            commands.start(Ship.ordered, {"order": "three"})
            assert heard == []
            session.commit()
            assert heard == [0.0]
            session.commit()
            assert heard == [0.0]
        end_listening()

    def test_commands_refuse_what_they_always_refuse(self, host: Host) -> None:
        squidie = host.store.open(Fulfil)
        with host.transaction() as transaction:
            commands = squidie.within(transaction)
            with pytest.raises(NotFoundError):
                commands.resume("01a1fea4-75d1-77cc-85e7-012d7f367277")
            run = commands.start(Fulfil.ordered, {"order": "one"}, idempotency_key="one")
            with pytest.raises(ConflictError):
                commands.start(Fulfil.ordered, {"order": "two"}, idempotency_key="one")
        assert squidie.inspect_run(run).status == "paused"

    def test_the_hosts_connection_stays_as_it_was(self, sqlite_host: Host, postgresql_host: Host) -> None:
        settings = "select name, setting from pg_settings where name <> 'transaction_isolation' order by name"
        with postgresql_host.transaction("driver") as driver:
            before = driver.execute(settings).fetchall()
            postgresql_host.store.open(Ship).within(driver).start(Ship.ordered, {"order": "one"})
            assert driver.execute(settings).fetchall() == before
            assert not driver.autocommit
        with sqlite_host.transaction("driver") as driver:
            driver.row_factory = sqlite3.Row
            sqlite_host.store.open(Ship).within(driver).start(Ship.ordered, {"order": "one"})
            assert driver.row_factory is sqlite3.Row
            with pytest.raises(sqlite3.OperationalError, match="no such savepoint"):
                driver.execute("release squidie_commit")

    def test_rows_of_any_kind_are_understood(self, postgresql_host: Host) -> None:
        squidie = postgresql_host.store.open(Fulfil)
        with postgresql_host.driver(row_factory=dict_row, autocommit=True) as driver:
            with driver.transaction():
                run = squidie.within(driver).start(Fulfil.ordered, {"order": "one"})
            with driver.transaction():
                squidie.within(driver).approve(run, actor="Sam")
        assert squidie.inspect_run(run).reason == "attempt_visible"


class TestAtOnce:
    def test_a_run_that_another_transaction_writes_is_a_conflict_and_harms_nothing(self, postgresql_host: Host) -> None:
        squidie = postgresql_host.store.open(Fulfil)
        run = squidie.start(Fulfil.ordered, {"order": "one"})
        with postgresql_host.transaction() as first:
            squidie.within(first).approve(run, actor="Sam")
            with postgresql_host.transaction() as second:
                with pytest.raises(ConflictError) as refused:
                    squidie.within(second).reject(run, actor="Gandalf")
                postgresql_host.orders.add(second, "all the same")
        assert refused.value.code == "busy"
        assert not isinstance(refused.value, TransactionAborted)
        assert postgresql_host.orders.words == ["all the same"]
        assert squidie.inspect_run(run).reason == "attempt_visible"

    def test_a_snapshot_that_is_not_the_newest_aborts(self, postgresql_host: Host) -> None:
        squidie = postgresql_host.store.open(Fulfil)
        run = squidie.start(Fulfil.ordered, {"order": "one"})
        engine = postgresql_host.engine.execution_options(isolation_level="REPEATABLE READ")
        with engine.connect() as connection:
            connection.execute(sa.text("select 1"))
            squidie.approve(run, actor="Sam")
            commands = squidie.within(connection)
            with pytest.raises(TransactionAborted, match="roll it back"):
                commands.reject(run, actor="Gandalf")
            with pytest.raises(TransactionAborted, match="failed before"):
                commands.reject(run, actor="Gandalf")
        assert squidie.inspect_run(run).reason == "attempt_visible"

    def test_a_transaction_that_began_by_reading_aborts_where_others_wrote(self, sqlite_host: Host) -> None:
        squidie = sqlite_host.store.open(Fulfil)
        run = squidie.start(Fulfil.ordered, {"order": "one"})
        driver = sqlite_host.driver()
        driver.execute("begin")
        driver.execute(f"select * from {sqlite_host.orders.name}").fetchall()
        squidie.cancel(run)
        with pytest.raises(TransactionAborted, match="begin immediate"):
            squidie.within(driver).approve(run, actor="Sam")
        driver.close()

    def test_a_file_that_others_write_to_aborts(self, sqlite_host: Host) -> None:
        squidie = sqlite_host.store.open(Ship)
        driver = sqlite_host.driver(timeout=0)
        with sqlite_host.transaction("driver") as other:
            sqlite_host.orders.add(other, "first")
            with pytest.raises(TransactionAborted, match="another process"):
                squidie.within(driver).start(Ship.ordered, {"order": "one"})
        driver.close()

    def test_two_transactions_that_start_one_run(self, postgresql_host: Host) -> None:
        squidie = postgresql_host.store.open(Ship)
        squidie.start(Ship.ordered, {"order": "before"})  # the definition is there
        with postgresql_host.transaction() as first, postgresql_host.transaction() as second:
            squidie.within(first).start(Ship.ordered, {"order": "one"}, idempotency_key="one")
            with pytest.raises(ConflictError, match="another transaction"):
                squidie.within(second).start(Ship.ordered, {"order": "one"}, idempotency_key="one")
        assert len(squidie.list_runs().runs) == 2

    def test_a_worker_passes_over_a_run_that_a_transaction_holds(self, postgresql_host: Host) -> None:
        squidie = postgresql_host.store.open(Fulfil, Ship)
        held = squidie.start(Fulfil.ordered, {"order": "held"})
        squidie.approve(held, actor="Sam")
        with working(squidie, concurrency=1):
            with postgresql_host.transaction() as transaction:
                squidie.within(transaction).start(Ship.ordered, {"order": "hidden"})
                shipped = squidie.start(Ship.ordered, {"order": "seen"})
                eventually(lambda: squidie.inspect_run(shipped).status == "completed")
            eventually(lambda: all(run.status == "completed" for run in squidie.list_runs().runs))
        assert len(squidie.list_runs().runs) == 3


class TestHandles:
    def test_that_are_none_are_refused(self, host: Host) -> None:
        squidie = host.store.open(Ship)
        with pytest.raises(OptionError, match="is a str"):
            squidie.within("a connection")
        with pytest.raises(OptionError, match="Engine"):
            squidie.within(host.engine)

    def test_that_commit_each_statement_are_refused(self, sqlite_host: Host, postgresql_host: Host) -> None:
        for host, driver in (
            (postgresql_host, postgresql_host.driver(autocommit=True)),
            (sqlite_host, sqlite_host.driver(isolation_level=None)),
        ):
            with pytest.raises(OptionError, match="no transaction open"):
                host.store.open(Ship).within(driver)
            driver.close()
        automatic = postgresql_host.engine.execution_options(isolation_level="AUTOCOMMIT")
        with automatic.connect() as connection, pytest.raises(OptionError, match="no transaction open"):
            postgresql_host.store.open(Ship).within(connection)

    def test_outlive_no_transaction(self, sqlite_host: Host, postgresql_host: Host) -> None:
        with postgresql_host.driver(autocommit=True) as driver:
            with driver.transaction():
                commands = postgresql_host.store.open(Ship).within(driver)
            with pytest.raises(OptionError, match="no transaction open"):
                commands.start(Ship.ordered, {"order": "late"})
        driver = sqlite_host.driver()
        commands = sqlite_host.store.open(Ship).within(driver)
        driver.commit()
        with pytest.raises(OptionError, match="no transaction any more"):
            commands.start(Ship.ordered, {"order": "late"})
        driver.close()

    def test_of_another_database_are_refused(self, sqlite_host: Host, postgresql_host: Host, tmp_path: Path) -> None:
        with postgresql_host.transaction() as there, pytest.raises(OptionError, match="psycopg"):
            sqlite_host.store.open(Ship).within(there)
        with sqlite3.connect(tmp_path / "other.db") as other:
            other.execute("create table mine (word text)")
            with pytest.raises(OptionError, match="another file"):
                sqlite_host.store.open(Ship).within(other)
        other.close()
        server = postgresql_host.store.url.partition("?")[0]
        name = f"other_{postgresql_host.orders.name}"
        with psycopg.connect(server, autocommit=True) as admin:
            admin.execute(f"create database {name}".encode())
            try:
                elsewhere = server.rpartition("/")[0] + f"/{name}"
                with psycopg.connect(elsewhere) as other_server, pytest.raises(SchemaError, match="not there"):
                    postgresql_host.store.open(Ship).within(other_server)
                Squidie(elsewhere, storage_options={"create": True}).close()
                with psycopg.connect(elsewhere) as other_server, pytest.raises(OptionError, match="another database"):
                    postgresql_host.store.open(Ship).within(other_server)
            finally:
                admin.execute(f"drop database {name} with (force)".encode())

    def test_are_nothing_for_a_store_that_is_elsewhere(self, memory: Store) -> None:
        with pytest.raises(NotSupported) as refused:
            memory.open(Ship).within(object())
        assert refused.value.code == "host_transactions_not_supported"
        assert "memory" in refused.value.message


class TestNotify:
    def test_goes_out_with_the_hosts_commit_and_never_with_a_rollback(self, postgresql_host: Host) -> None:
        store = postgresql_host.store
        with Squidie(store.url, workflows=[Ship], notifier=store.url) as squidie:
            listener = open_notifier(store.url)
            heard: list[int] = []
            subscription = listener.listen("default", heard.append)
            eventually(lambda: listener.working)
            heard.clear()
            with postgresql_host.undone("driver") as transaction:
                squidie.within(transaction).start(Ship.ordered, {"order": "one"})
            with postgresql_host.transaction("connection") as transaction:
                commands = squidie.within(transaction)
                commands.start_many(Ship.ordered, [{"order": word} for word in ("two", "three", "four")])
                commands.start(Ship.ordered, {"order": "five"})
            eventually(lambda: heard)
            assert heard == [3], "only what was committed is told of, once a queue"
            subscription.close()
            listener.close()


class TestCrash:
    def test_before_the_commit_leaves_neither(self, host: Host) -> None:
        with Processes("tests.constructs.host_program") as processes:
            process = processes.run(host.store.url, host.orders.name)
            run_id = process.line()
            assert len(run_id) == 36
            process.kill()
        squidie = host.store.open(Ship)
        with pytest.raises(NotFoundError):
            squidie.inspect_run(run_id)
        assert host.orders.words == []
        again = _ordered(squidie, host, "again")
        assert host.orders.words == ["again"]
        assert squidie.inspect_run(again).status == "running"


def _ordered(squidie: Squidie, host: Host, word: str) -> Snapshot:
    with host.transaction() as transaction:
        host.orders.add(transaction, word)
        return squidie.within(transaction).start(Ship.ordered, {"order": word})


def _definitions(host: Host) -> Any:
    counted = "select count(*) from squidie_blobs where namespace = %(namespace)s"
    return host.execute(counted, {"namespace": host.store.namespace})[0]
