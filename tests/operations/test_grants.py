"""A role with nothing but the printed grants: everything works for it, and it can harm nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import LiteralString
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from squidie_contract.engine.appends import append, write
from squidie_core import Snapshot, Squidie
from squidie_core.errors import NotSupported, OptionError, StorageError
from squidie_core.journal.commit import Checkpoint, Head
from squidie_storage_sql import open_postgresql, open_sqlite
from squidie_storage_sql.postgresql.grants import PURGING_RIGHTS, RIGHTS
from squidie_storage_sql.version_1 import table_names
from tests.operations.flows import One, Two
from tests.runtime.stores import working
from tests.runtime.waiting import eventually


@dataclass(frozen=True)
class Tenant:
    """A role of its own, and what it may see of a schema of its own."""

    role: str
    schema: str
    owner_url: str
    url: str


def as_owner(url: str, *statements: sql.SQL | sql.Composed) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


@pytest.fixture
def tenant(postgresql_url: str) -> Iterator[Tenant]:
    name = f"t_{uuid4().hex}"
    role = f'{name} "x"'
    owner_url = f"{postgresql_url}?schema={name}"
    open_postgresql.migrate(owner_url)
    identifiers = {"role": sql.Identifier(role), "schema": sql.Identifier(name)}
    as_owner(postgresql_url, sql.SQL("create role {role} login").format(**identifiers))
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute(open_postgresql.grants(owner_url, role).encode())
    parts = urlsplit(owner_url)
    app = f"{name}%20%22x%22"
    yield Tenant(role, name, owner_url, parts._replace(netloc=f"{app}@{parts.hostname}:{parts.port}").geturl())
    as_owner(
        postgresql_url,
        sql.SQL("drop schema {schema} cascade").format(**identifiers),
        sql.SQL("drop role {role}").format(**identifiers),
    )


class TestTheRole:
    def test_runs_a_worker_with_hints_and_all_inspection(self, tenant: Tenant) -> None:
        with Squidie(tenant.url, workflows=[One, Two], notifier=tenant.url) as squidie, working(squidie):
            runs = [squidie.start(workflow, {}) for workflow in (One, Two, Two)]
            eventually(lambda: all(squidie.inspect_run(run).status == "completed" for run in runs))
            eventually(lambda: squidie.wakeups.reach_others)
            assert len(squidie.list_runs(status="completed").runs) == 3
            assert squidie.inspect_run(runs[1], include_history=True).attempts
            assert squidie.rebuild_index() == {}
            assert squidie.doctor().status == "ok"
            waiting = squidie.start(One, {}, delay=3600)
            squidie.store.storage.quarantine(waiting.id, reason="a test", by="a test")
            assert squidie.list_runs(quarantined=True).runs
            assert squidie.unquarantine(waiting)
            assert squidie.cancel(waiting).status == "cancelled"

    def test_keeps_checkpoints_blobs_and_reservations(self, tenant: Tenant) -> None:
        storage = open_postgresql(tenant.url)
        parent, child = append("parent"), append("child")
        write(storage, parent, child)
        for body in ("one", "two"):
            storage.put_checkpoint("parent", Checkpoint(parent.head, 1, body))
        assert storage.load(["parent"])["parent"].checkpoint is not None
        storage.delete_checkpoint("parent")
        storage.put_blob("digest", "text")
        assert storage.get_blobs(["digest"]) == {"digest": "text"}
        storage.reserve("parent", until=storage.clock() + 60_000, reason="a test")
        storage.close()

    def test_purges_nothing(self, tenant: Tenant) -> None:
        with Squidie(tenant.url, workflows=[One]) as squidie:
            run = squidie.cancel(squidie.start(One, {}, delay=3600))
            eventually(lambda: squidie.purge(before=0, dry_run=True).runs == 1)
            with pytest.raises(StorageError, match="permission denied"):
                squidie.purge(before=0)
            assert squidie.inspect_run(run).status == "cancelled"

    def test_purges_where_it_was_granted_that_too(self, tenant: Tenant) -> None:
        with psycopg.connect(tenant.owner_url.partition("?")[0], autocommit=True) as connection:
            connection.execute(open_postgresql.grants(tenant.owner_url, tenant.role, purging=True).encode())
        with Squidie(tenant.url, workflows=[One]) as squidie:
            squidie.cancel(squidie.start(One, {}, delay=3600))
            eventually(lambda: squidie.purge(before=0).runs == 1)

    @pytest.mark.parametrize(
        "harm",
        [
            "drop table {0}.squidie_runs",
            "alter table {0}.squidie_runs add column more int",
            "truncate {0}.squidie_commits",
            "delete from {0}.squidie_commits",
            "update {0}.squidie_commits set body = ''",
            "delete from {0}.squidie_runs",
            "update {0}.squidie_blobs set body = ''",
            "insert into {0}.squidie_schema values (99, 99)",
            "create table {0}.theirs (x int)",
            "create index on {0}.squidie_runs (rev)",
            "grant select on {0}.squidie_runs to public",
        ],
    )
    def test_cannot(self, tenant: Tenant, harm: LiteralString) -> None:
        statement = sql.SQL(harm).format(sql.Identifier(tenant.schema))
        with psycopg.connect(tenant.url.partition("?")[0], autocommit=True) as connection:
            if harm.startswith("grant"):
                granted = connection.execute(statement)
                assert granted.statusmessage == "GRANT"  # PostgreSQL only warns that nothing was granted
                row = connection.execute(
                    "select has_table_privilege('public', %s, 'select')", (f"{tenant.schema}.squidie_runs",)
                ).fetchone()
                assert row == (False,)
            else:
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(statement)

    def test_cannot_migrate(self, tenant: Tenant) -> None:
        with pytest.raises(StorageError):
            open_postgresql.migrate(f"{tenant.url}_too")


class TestARoleThatPurges:
    @pytest.fixture
    def keeper(self, tenant: Tenant) -> Tenant:
        """Give the tenant with the rights to purge, and no others."""
        role, schema = sql.Identifier(tenant.role), sql.Identifier(tenant.schema)
        revoke = sql.SQL("revoke all on all tables in schema {} from {}").format(schema, role)
        as_owner(tenant.owner_url.partition("?")[0], revoke)
        with psycopg.connect(tenant.owner_url.partition("?")[0], autocommit=True) as connection:
            connection.execute(open_postgresql.grants(tenant.owner_url, tenant.role, purging=True).encode())
        return tenant

    def test_purges_and_does_nothing_else(self, keeper: Tenant) -> None:
        with Squidie(keeper.owner_url, workflows=[One]) as owner:
            run = owner.cancel(owner.start(One, {}, delay=3600))
            checkpoint = Checkpoint(Head(run_rev(owner, run), 1), 1, "one")
            owner.store.storage.put_checkpoint(run.id, checkpoint)
            with Squidie(keeper.url, workflows=[One]) as squidie:
                assert squidie.purge(before=3600, dry_run=True).runs == 0
                eventually(lambda: squidie.purge(before=0, remember_for=0).runs == 1)
                eventually(lambda: squidie.purge(before=0).tombstones == 1)
                with pytest.raises(StorageError, match="permission denied"):
                    squidie.start(One, {})

    @pytest.mark.parametrize(
        "harm",
        [
            "update {0}.squidie_commits set body = ''",
            "delete from {0}.squidie_blobs",
            "update {0}.squidie_checkpoints set body = ''",
            "truncate {0}.squidie_commits",
            "insert into {0}.squidie_commits values ('n', 'r', 1, 1, 1, 0, '[]')",
        ],
    )
    def test_cannot(self, keeper: Tenant, harm: LiteralString) -> None:
        statement = sql.SQL(harm).format(sql.Identifier(keeper.schema))
        with (
            psycopg.connect(keeper.url.partition("?")[0], autocommit=True) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute(statement)


def run_rev(squidie: Squidie, run: Snapshot) -> int:
    return squidie.store.storage.heads([run.id])[run.id].head.rev


class TestTheStatements:
    def test_cover_every_table(self) -> None:
        assert set(RIGHTS) == set(table_names())
        assert set(PURGING_RIGHTS) < set(table_names())

    def test_leave_the_schema_to_the_search_path_without_one(self) -> None:
        text = open_postgresql.grants("postgresql://nobody@nowhere/x", "app")
        assert 'grant select on squidie_schema to "app";\n' in text
        assert "usage" not in text

    @pytest.mark.parametrize("role", ["", "a\0b", "a" * 64])
    def test_are_refused_for_what_is_no_role(self, role: str) -> None:
        with pytest.raises(OptionError, match="role: must be"):
            open_postgresql.grants("postgresql://nobody@nowhere/x", role)

    def test_quote_the_role(self) -> None:
        text = open_postgresql.grants("postgresql://nobody@nowhere/x", 'a"; drop role b; --')
        assert 'to "a""; drop role b; --";\n' in text

    def test_do_not_exist_for_a_file(self) -> None:
        with pytest.raises(NotSupported, match="no roles"):
            open_sqlite.grants("sqlite:///runs.db", "app")
