"""Transactions of the host's at their edges: after their end, in savepoints, under another search path, elsewhere."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from squidie_core import AsyncSquidie, ConflictError, NotFoundError, OptionError, Signal, Snapshot, Squidie
from squidie_storage_sql.postgresql import joining
from squidie_storage_sql.postgresql.statements import WHEREABOUTS
from tests.constructs.families import Gated, Play, Waiting
from tests.constructs.hosts import Host
from tests.constructs.test_within import Fulfil, Ship
from tests.runtime.stores import SqlStore, assert_consistent


def definitions(store: SqlStore) -> int:
    """How many definitions are stored."""
    counted = store.execute(
        "select count(*) from squidie_blobs where namespace = %(namespace)s", {"namespace": store.namespace}
    )
    return int(counted[0])


class TestAfterItsEnd:
    """A pool may have given the connection to somebody else."""

    def test_a_session_is_refused(self, host: Host) -> None:
        squidie = host.store.open(Ship)
        with Session(host.engine) as session:
            commands = squidie.within(session)
            run = commands.start(Ship.ordered, {"order": "in time"})
            session.commit()
            with pytest.raises(OptionError, match="no transaction any more"):
                commands.start(Ship.ordered, {"order": "late"})
            with pytest.raises(OptionError, match="no transaction any more"):
                commands.cancel(run)
        assert [found.id for found in squidie.list_runs().runs] == [run.id]

    def test_a_connection_is_refused(self, host: Host) -> None:
        squidie = host.store.open(Ship)
        with host.engine.connect() as connection:
            commands = squidie.within(connection)
            connection.rollback()
            with pytest.raises(OptionError, match="no transaction any more"):
                commands.start(Ship.ordered, {"order": "late"})
            connection.execute(sa.text("select 1"))
            with pytest.raises(OptionError, match="no transaction any more"):
                commands.start(Ship.ordered, {"order": "in the next one"})
            connection.commit()
        with pytest.raises(OptionError, match="no transaction any more"):
            commands.start(Ship.ordered, {"order": "late"})

    def test_nothing_is_written_in_the_transaction_of_whoever_has_the_connection_next(self, host: Host) -> None:
        squidie = host.store.open(Ship)
        with host.transaction() as first:
            commands = squidie.within(first)
        with host.transaction() as second:
            host.orders.add(second, "somebody else's")
            with pytest.raises(OptionError, match="no transaction any more"):
                commands.start(Ship.ordered, {"order": "late"})
        assert squidie.list_runs().runs == ()

    def test_a_connection_of_the_driver_is_refused(self, postgresql_host: Host) -> None:
        squidie = postgresql_host.store.open(Ship)
        with postgresql_host.driver() as driver:
            commands = squidie.within(driver)
            driver.commit()
            with pytest.raises(OptionError, match="no transaction any more"):
                commands.start(Ship.ordered, {"order": "late"})
        assert squidie.list_runs().runs == ()


class TestSavepoints:
    def test_a_start_that_was_taken_back_leaves_the_next_one_whole(self, host: Host) -> None:
        squidie = host.store.open(Ship)
        with host.transaction("driver") as driver:
            commands = squidie.within(driver)
            driver.execute("savepoint mine")
            gone = commands.start(Ship.ordered, {"order": "gone"})
            driver.execute("rollback to savepoint mine")
            run = commands.start(Ship.ordered, {"order": "one"})
        other = host.store.open(Ship)
        with pytest.raises(NotFoundError):
            other.inspect_run(gone)
        assert definitions(host.store) == 1
        other.drain()
        assert other.inspect_run(run).status == "completed"

    def test_their_end_is_not_the_transactions(self, host: Host) -> None:
        squidie = host.store.open(Ship)
        heard: list[float] = []
        end_listening = squidie.wakeups.listen("default", heard.append)
        with Session(host.engine) as session:
            with session.begin_nested():
                squidie.within(session).start(Ship.ordered, {"order": "one"})
            assert heard == []
            undone = session.begin_nested()
            host.orders.add(session, "gone")
            undone.rollback()
            session.commit()
            assert heard == [0.0]
            with session.begin_nested():
                squidie.within(session).start(Ship.ordered, {"order": "two"})
                session.rollback()
            session.commit()
            assert heard == [0.0]
        end_listening()


class TestDefinitions:
    def test_a_process_that_only_takes_part_in_transactions_writes_them_until_they_last(
        self, host: Host, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        squidie = host.store.open(Ship)
        catalog = squidie.store.catalog
        looked: list[str] = []
        get_blobs = squidie.store.storage.get_blobs

        def look(digests: Sequence[str]) -> Mapping[str, str]:
            looked.extend(digests)
            return get_blobs(digests)

        monkeypatch.setattr(squidie.store.storage, "get_blobs", look)
        with host.undone() as transaction:
            squidie.within(transaction).start(Ship.ordered, {"order": "gone"})
        for word in ("one", "two", "three"):
            with host.transaction() as transaction:
                squidie.within(transaction).start(Ship.ordered, {"order": word})
            assert definitions(host.store) == 1
        assert 1 <= len(looked) <= 3
        assert catalog.workflows["ship"].fingerprint in looked
        looked.clear()
        with host.transaction() as transaction:
            squidie.within(transaction).start(Ship.ordered, {"order": "four"})
        assert looked == []


class TestPlaces:
    def test_another_search_path_later_on_leads_nowhere_else(self, postgresql_host: Host) -> None:
        squidie = postgresql_host.store.open(Ship)
        server = postgresql_host.store.url.partition("?")[0]
        schema = f"tenant_{postgresql_host.orders.name}"
        with psycopg.connect(server, autocommit=True) as admin:
            admin.execute(f"create schema {schema}".encode())
            try:
                Squidie(server, storage_options={"create": True, "schema": schema}).close()
                with postgresql_host.transaction("driver") as driver:
                    commands = squidie.within(driver)
                    driver.execute(f"set local search_path to {schema}".encode())
                    run = commands.start(Ship.ordered, {"order": "one"})
                    with pytest.raises(OptionError, match="another database or schema"):
                        squidie.within(driver)
                assert squidie.inspect_run(run).status == "running"
            finally:
                admin.execute(f"drop schema {schema} cascade".encode())

    def test_a_copy_of_the_server_is_another_one(self, postgresql_host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
        """All but the moment at which it was started is the same in a restored backup."""
        squidie = postgresql_host.store.open(Ship)
        with postgresql_host.transaction() as transaction:
            squidie.within(transaction)
            copy = WHEREABOUTS.replace("pg_postmaster_start_time()", "now()")
            assert copy != WHEREABOUTS
            monkeypatch.setattr(joining, "WHEREABOUTS", copy)
            with pytest.raises(OptionError, match="another database"):
                squidie.within(transaction)


class TestHandles:
    def test_of_an_event_loop_are_refused_with_what_to_do(self, postgresql_host: Host) -> None:
        squidie = postgresql_host.store.open(Ship)

        async def ask() -> str:
            connection = await psycopg.AsyncConnection.connect(postgresql_host.store.url.partition("?")[0])
            try:
                with pytest.raises(OptionError, match="event loop") as refused:
                    squidie.within(connection)
            finally:
                await connection.close()
            return refused.value.message

        assert "asyncio.to_thread" in asyncio.run(ask())

    def test_are_taken_in_a_thread_of_an_event_loops_host(self, host: Host) -> None:
        async def order() -> str:
            async with AsyncSquidie(host.store.url, workflows=[Ship]) as squidie:

                def write() -> Snapshot:
                    with host.transaction() as transaction:
                        host.orders.add(transaction, "one")
                        return squidie.sync.within(transaction).start(Ship.ordered, {"order": "one"})

                return (await squidie.inspect_run(await asyncio.to_thread(write))).status

        assert asyncio.run(order()) == "running"
        assert host.orders.words == ["one"]

    def test_that_were_closed_are_refused(self, sqlite_host: Host) -> None:
        squidie = sqlite_host.store.open(Ship)
        driver = sqlite_host.driver()
        driver.close()
        with pytest.raises(OptionError, match="closed"):
            squidie.within(driver)
        connection = sqlite_host.engine.connect()
        connection.close()
        with pytest.raises(OptionError, match="closed"):
            squidie.within(connection)

    def test_of_another_thread_are_refused(self, sqlite_host: Host) -> None:
        squidie = sqlite_host.store.open(Ship)
        driver = sqlite_host.driver()
        refused: list[Any] = []

        def ask() -> None:
            with pytest.raises(OptionError, match="same thread") as error:
                squidie.within(driver)
            refused.append(error.value.code)

        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
        driver.close()
        assert refused == ["invalid_transaction_handle"]

    def test_that_may_only_read_are_refused(self, postgresql_host: Host) -> None:
        squidie = postgresql_host.store.open(Ship)
        with postgresql_host.engine.connect() as connection:
            connection.execute(sa.text("set transaction read only"))
            with pytest.raises(OptionError, match="can only read"):
                squidie.within(connection).start(Ship.ordered, {"order": "one"})

    def test_that_commit_by_themselves_are_refused_whatever_their_isolation_level_says(self, sqlite_host: Host) -> None:
        """From Python 3.12 on, a connection of sqlite3 with autocommit=True has an isolation level all the same."""

        class Automatic(sqlite3.Connection):
            autocommit = True

        driver = sqlite_host.driver(factory=Automatic)
        with pytest.raises(OptionError, match="no transaction open"):
            sqlite_host.store.open(Ship).within(driver)
        driver.close()

    @pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
    def test_of_every_isolation_level_are_taken(self, postgresql_host: Host, level: str) -> None:
        squidie = postgresql_host.store.open(Fulfil)
        engine = postgresql_host.engine.execution_options(isolation_level=level)
        with engine.begin() as connection:
            run = squidie.within(connection).start(Fulfil.ordered, {"order": "one"}, idempotency_key="one")
        with engine.begin() as connection:
            postgresql_host.orders.add(connection, "one")
            commands = squidie.within(connection)
            assert commands.start(Fulfil.ordered, {"order": "one"}, idempotency_key="one").id == run.id
            commands.approve(run, actor="Sam")
        squidie.drain()
        assert squidie.inspect_run(run).status == "completed"

    def test_in_a_pipeline_are_taken(self, postgresql_host: Host) -> None:
        squidie = postgresql_host.store.open(Ship)
        with postgresql_host.transaction("driver") as driver, driver.pipeline():
            postgresql_host.orders.add(driver, "one")
            squidie.within(driver).start(Ship.ordered, {"order": "one"})
        assert postgresql_host.orders.words == ["one"]
        assert len(squidie.list_runs().runs) == 1


class TestKilled:
    def test_a_session_that_the_server_ends_says_that_all_is_gone(self, postgresql_host: Host) -> None:
        squidie = postgresql_host.store.open(Ship)
        driver = postgresql_host.driver()
        postgresql_host.orders.add(driver, "one")
        commands = squidie.within(driver)
        postgresql_host.execute("select pg_terminate_backend(%(pid)s)", {"pid": driver.info.backend_pid})
        for _ in range(2):
            with pytest.raises(ConflictError) as aborted:
                commands.start(Ship.ordered, {"order": "one"})
            assert aborted.value.code == "transaction_aborted"
        driver.close()
        assert postgresql_host.orders.words == []
        assert squidie.list_runs().runs == ()


class TestEveryCommand:
    def test_is_the_transactions(self, host: Host) -> None:
        """A family that is cancelled, a replay, a signal: all of it happens, or nothing."""
        resources: dict[type, object] = {Play: Play(lambda ctx: {"child": ctx.start_child(Gated, child_key="g").id})}
        squidie = host.store.open(Waiting, Gated, Ship, resources=resources)
        run = squidie.start(Waiting)
        shipped = squidie.start(Ship.ordered, {"order": "one"})
        squidie.drain()
        child = squidie.inspect_run(run).children[0].id
        other = squidie.start(Gated)
        squidie.drain()
        before = {one: squidie.inspect_run(one).rev for one in (run.id, child, other.id, shipped.id)}

        def command(transaction: object) -> str:
            commands = squidie.within(transaction)
            commands.cancel(run, children=True)
            commands.apply_signal(Signal.resume_run(other.id, idempotency_key="s"))
            return commands.replay(shipped, idempotency_key="r").id

        with host.undone() as transaction:
            replayed = command(transaction)
        assert {one: squidie.inspect_run(one).rev for one in before} == before
        with pytest.raises(NotFoundError):
            squidie.inspect_run(replayed)
        with host.transaction() as transaction:
            assert command(transaction) == replayed
        squidie.drain()
        statuses = [squidie.inspect_run(one).status for one in (run.id, child, other.id, replayed)]
        assert statuses == ["cancelled", "cancelled", "completed", "completed"]
        for one in (*before, replayed):
            assert_consistent(squidie, one)
