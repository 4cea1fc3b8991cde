"""A PostgreSQL that is there and refuses: no connection to be had, nothing to be written."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import LiteralString
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from squidie_core import Snapshot, Squidie, Unavailable
from squidie_storage_sql import open_postgresql
from tests.failures.flows import Good
from tests.runtime.stores import assert_consistent, working
from tests.runtime.waiting import eventually
from tests.servers import Postgres

DID_NOT_ANSWER = "the store did not answer; trying again"


class Tenant:
    """A role that the server's owner can refuse whatever it likes, and a namespace of its own."""

    def __init__(self, owner_url: str) -> None:
        self._owner_url = owner_url
        self.role = f"t_{uuid4().hex}"
        self._say("create role {role} login")
        with psycopg.connect(owner_url, autocommit=True) as owner:
            owner.execute(open_postgresql.grants(owner_url, self.role).encode())
        parts = urlsplit(owner_url)
        netloc = f"{self.role}@{parts.hostname}:{parts.port}"
        self.url = parts._replace(netloc=netloc, query=f"namespace={self.role}").geturl()

    @contextmanager
    def suffering(self, refusal: LiteralString, remedy: LiteralString) -> Generator[None]:
        """Alter the role; it has to connect anew, as after a restart of whatever is between."""
        self._say(refusal)
        self._disconnect()
        yield
        self._say(remedy)

    def drop(self) -> None:
        self._disconnect()
        self._say("drop owned by {role}")
        self._say("drop role {role}")

    def _disconnect(self) -> None:
        self._say("select pg_terminate_backend(pid) from pg_stat_activity where usename = {name}")

    def _say(self, statement: LiteralString) -> None:
        names = {"role": sql.Identifier(self.role), "name": sql.Literal(self.role)}
        with psycopg.connect(self._owner_url, autocommit=True) as owner:
            owner.execute(sql.SQL(statement).format(**names))


@pytest.fixture
def tenant(migrated_url: str) -> Iterator[Tenant]:
    made = Tenant(migrated_url)
    yield made
    made.drop()


def assert_refused(squidie: Squidie, run: Snapshot, words: str) -> None:
    """Every write says so, and has no effect."""
    writes: list[Callable[[], object]] = [
        lambda: squidie.start(Good.begin),
        lambda: squidie.cancel(run),
        squidie.execute_next,
    ]
    for write in writes:
        with pytest.raises(Unavailable, match=words) as refused:
            write()
        assert refused.value.outcome == "none"


def assert_goes_on(squidie: Squidie, *runs: Snapshot) -> None:
    later = squidie.start(Good.begin)
    for run in (*runs, later):
        eventually(lambda run=run: squidie.inspect_run(run).status == "completed")  # type: ignore[misc]
        assert_consistent(squidie, run)


class TestAServerThatRefuses:
    def test_connections_is_unavailable_and_outlived(self, tenant: Tenant, caplog: pytest.LogCaptureFixture) -> None:
        words = "too many connections for role"
        with Squidie(tenant.url, workflows=[Good]) as squidie:
            run = squidie.start(Good.begin, delay=0.2)
            with working(squidie):
                with tenant.suffering("alter role {role} connection limit 0", "alter role {role} connection limit -1"):
                    with suppress(Unavailable):
                        squidie.inspect_run(run)  # uses up the connections that were cut
                    assert_refused(squidie, run, words)
                    with pytest.raises(Unavailable, match=words):
                        Squidie(tenant.url, workflows=[Good])
                    eventually(lambda: DID_NOT_ANSWER in caplog.text)
                assert_goes_on(squidie, run)

    def test_to_write_is_unavailable_and_outlived(self, tenant: Tenant, caplog: pytest.LogCaptureFixture) -> None:
        """Connections that were made meanwhile are of no use afterwards: they are dropped."""
        with Squidie(tenant.url, workflows=[Good]) as squidie:
            run = squidie.start(Good.begin, delay=0.2)
            with working(squidie):
                with tenant.suffering(
                    "alter role {role} set default_transaction_read_only = on",
                    "alter role {role} reset default_transaction_read_only",
                ):
                    assert squidie.inspect_run(run).status == "running"
                    assert_refused(squidie, run, "read-only transaction")
                    eventually(lambda: DID_NOT_ANSWER in caplog.text)
                assert_goes_on(squidie, run)


class TestAServerWhoseConnectionsAreAllTaken:
    @pytest.fixture
    def small(self, postgresql_url: str) -> Iterator[Postgres]:  # noqa: ARG002 -- skips where no server can be had
        server = Postgres(fsync=False, settings={"max_connections": "12"})
        yield server
        server.stop()

    def test_is_unavailable_to_who_comes_late_and_goes_on_with_who_is_there(self, small: Postgres) -> None:
        with Squidie(small.url, workflows=[Good], storage_options={"create": True}) as squidie, ExitStack() as stack:
            run = squidie.start(Good.begin)
            with working(squidie, concurrency=1):
                eventually(lambda: squidie.inspect_run(run).status == "completed")
                with suppress(psycopg.OperationalError):
                    while True:
                        stack.enter_context(psycopg.connect(small.url))
                with pytest.raises(Unavailable, match="too many clients"):
                    Squidie(small.url, workflows=[Good])
                assert_goes_on(squidie, run)
                stack.close()
            Squidie(small.url, workflows=[Good]).close()


class TestAServerThatBecomesAStandby:
    def test_is_unavailable_until_it_is_promoted(self, server: Postgres, caplog: pytest.LogCaptureFixture) -> None:
        with Squidie(server.url, workflows=[Good], storage_options={"create": True}) as squidie:
            run = squidie.start(Good.begin, delay=0.5)
            with working(squidie):
                server.kill()
                eventually(lambda: DID_NOT_ANSWER in caplog.text)
                server.demote()
                server.start()
                assert squidie.inspect_run(run).status == "running"
                assert_refused(squidie, run, "read-only transaction|during recovery")
                eventually(lambda: "read-only transaction" in caplog.text)
                with psycopg.connect(server.url) as owner:
                    owner.execute("select pg_promote()")
                eventually(lambda: squidie.inspect_run(run).status == "completed")
                assert_goes_on(squidie, run)
