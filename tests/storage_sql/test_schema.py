"""Making the tables, and refusing those that do not fit."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest

from squidie_contract.engine.appends import append, commits_of, write
from squidie_core.errors import SchemaError
from squidie_storage_sql import MigrationReport, open_postgresql, open_sqlite
from tests.storage_sql.stores import Store

MIGRATE = """
import sys
from squidie_storage_sql import open_postgresql, open_sqlite
url, options = sys.argv[1], dict(option.split("=") for option in sys.argv[2:])
plugin = open_sqlite if url.startswith("sqlite") else open_postgresql
print("ready", flush=True)
sys.stdin.readline()
print(plugin.migrate(url, **options))
"""

NEW, KNOWN = MigrationReport(0, 1), MigrationReport(1, 1)


@pytest.fixture
def schema() -> str:
    return f"s{uuid4().hex}"


def migrate_together(url: str, *options: str) -> list[str]:
    """What two processes report that begin as one."""
    command = [sys.executable, "-c", MIGRATE, url, *options]
    both = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for process in both:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in both:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    return sorted(process.communicate(timeout=30)[0].strip() for process in both)


class TestMigrate:
    def test_makes_the_tables_once(self, postgresql: Store, schema: str, tmp_path: Path) -> None:
        assert [open_postgresql.migrate(postgresql.url, schema=schema) for _ in range(2)] == [NEW, KNOWN]
        assert [open_sqlite.migrate(f"sqlite:///{tmp_path}/x.db") for _ in range(2)] == [NEW, KNOWN]

    def test_takes_an_open_storage(self, store: Store) -> None:
        plugin = open_postgresql if store.dialect == "postgresql" else open_sqlite
        assert plugin.migrate(store.open()) == KNOWN

    def test_keeps_what_is_there(self, store: Store) -> None:
        storage = store.open()
        write(storage, append("a"))
        open_postgresql.migrate(storage)
        assert len(commits_of(storage, "a")) == 1

    def test_may_run_in_two_processes_at_once(self, postgresql: Store, schema: str, tmp_path: Path) -> None:
        expected = [repr(NEW), repr(KNOWN)]
        assert migrate_together(postgresql.url, f"schema={schema}") == expected
        assert migrate_together(f"sqlite:///{tmp_path}/x.db") == expected

    def test_can_be_done_by_somebody_else_from_the_printed_statements(
        self, postgresql: Store, schema: str, tmp_path: Path
    ) -> None:
        text = open_postgresql.migration_sql("postgresql://nowhere.invalid/none", schema=schema)
        postgresql.sql(f"create schema {schema}")
        postgresql.sql(text)
        write(postgresql.open(schema=schema, create=False), append("a"))
        with closing(sqlite3.connect(tmp_path / "x.db")) as connection:
            connection.executescript(open_sqlite.migration_sql(f"sqlite:///{tmp_path}/x.db"))
        assert open_sqlite.migrate(f"sqlite:///{tmp_path}/x.db") == KNOWN


class TestOpening:
    def test_without_tables_says_what_to_run(self, postgresql: Store, schema: str, tmp_path: Path) -> None:
        with pytest.raises(SchemaError, match="squidie migrate"):
            open_postgresql(postgresql.url, schema=schema)
        with pytest.raises(SchemaError, match="squidie migrate"):
            open_sqlite(f"sqlite:///{tmp_path}/x.db", create=False)
        assert not list(tmp_path.iterdir())

    @pytest.mark.parametrize(("version", "oldest_client", "fits"), [(2, 1, True), (2, 2, False), (0, 0, False)])
    def test_refuses_only_versions_outside_its_window(
        self, sqlite: Store, version: int, oldest_client: int, *, fits: bool
    ) -> None:
        sqlite.open()
        sqlite.sql("update squidie_schema set version = ?, oldest_client = ?", version, oldest_client)
        if fits:
            write(sqlite.open(), append("a"))
        else:
            with pytest.raises(SchemaError):
                sqlite.open(create=False)

    def test_of_two_schemas_finds_two_stores(self, postgresql: Store, schema: str) -> None:
        one, other = postgresql.open(schema=schema), postgresql.open(schema=f"{schema}_b")
        write(one, append("a"))
        write(other, append("b"))
        assert (list(one.heads(["a", "b"])), list(other.heads(["a", "b"]))) == (["a"], ["b"])

    def test_of_tables_that_vanished_is_a_schema_error(self, sqlite: Store) -> None:
        storage = sqlite.open()
        sqlite.sql("drop table squidie_blobs")
        with pytest.raises(SchemaError):
            storage.get_blobs(["x"])
