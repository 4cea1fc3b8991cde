"""What the SQL adapter knows of its databases' health, on real ones."""

# ruff: noqa: S608  # the schema is the test's own

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from squidie_core.ports import Diagnosable, Finding
from squidie_storage_sql import SqlStorage, open_postgresql, open_sqlite
from squidie_storage_sql.postgresql import health as postgresql_health
from squidie_storage_sql.sqlite import health as sqlite_health


def found(findings: list[Finding], check: str) -> Finding:
    (finding,) = (finding for finding in findings if finding.check == check)
    return finding


@pytest.fixture
def schema(postgresql_url: str) -> Iterator[str]:
    """Give a schema of the test's own, whose statistics are nobody else's."""
    name = f"health_{uuid4().hex}"
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute(f'create schema "{name}"'.encode())
        yield name
        connection.execute(f'drop schema "{name}" cascade'.encode())


@pytest.fixture
def postgresql(postgresql_url: str, schema: str) -> Iterator[SqlStorage]:
    storage = open_postgresql(postgresql_url, schema=schema, create=True)
    yield storage
    storage.close()


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[SqlStorage]:
    storage = open_sqlite(f"sqlite:///{tmp_path / 'runs.db'}")
    yield storage
    storage.close()


class TestPostgresql:
    def test_a_new_store_is_well(self, postgresql: SqlStorage) -> None:
        assert isinstance(postgresql, Diagnosable)
        findings = postgresql.health()
        assert [(finding.check, finding.status) for finding in findings] == [
            ("bloat", "ok"),
            ("autovacuum", "ok"),
            ("snapshots", "ok"),
        ]
        assert "squidie_runs" in findings[0].message

    def test_tells_of_dead_rows_until_they_are_vacuumed(
        self, postgresql: SqlStorage, postgresql_url: str, schema: str
    ) -> None:
        with psycopg.connect(postgresql_url, autocommit=True) as connection:
            table = f'"{schema}".squidie_commits'
            connection.execute(f"alter table {table} set (autovacuum_enabled = off)".encode())
            connection.execute(
                f"insert into {table} (namespace, run_id, rev, count, commit_id, previous, body) "
                "select 'x', i::text, 1, 1, 1, 0, '[]' from generate_series(1, 20000) i".encode()
            )
            connection.execute(f"delete from {table} where namespace = 'x'".encode())
            connection.execute(b"select pg_stat_force_next_flush()")
            finding = found(postgresql.health(), "bloat")
            assert finding.status == "warn"
            assert "vacuum squidie_commits" in finding.hint
            assert {table["name"]: table["dead"] >= 20_000 for table in finding.details["tables"]} == {
                "squidie_checkpoints": False,
                "squidie_commits": True,
                "squidie_runs": False,
            }
            connection.execute(f"vacuum {table}".encode())
            connection.execute(b"select pg_stat_force_next_flush()")
        assert found(postgresql.health(), "bloat").status == "ok"

    def test_tells_where_autovacuum_is_off(self, postgresql: SqlStorage, postgresql_url: str, schema: str) -> None:
        with psycopg.connect(postgresql_url, autocommit=True) as connection:
            connection.execute(f'alter table "{schema}".squidie_runs set (autovacuum_enabled = false)'.encode())
        finding = found(postgresql.health(), "autovacuum")
        assert (finding.status, finding.message) == ("warn", "autovacuum is off for squidie_runs")

    def test_tells_of_a_snapshot_that_is_held(self, postgresql: SqlStorage, postgresql_url: str, schema: str) -> None:
        def look(age: float) -> Finding:
            limits = postgresql_health.Limits(snapshot_age=age)
            read = postgresql.database.read
            findings = postgresql_health.examine(lambda statement: read(statement, {}), schema, limits)
            return found(findings, "snapshots")

        with psycopg.connect(postgresql_url) as connection:
            connection.execute(b"set transaction isolation level repeatable read")
            row = connection.execute(b"select pg_backend_pid()").fetchone()
            assert row is not None
            finding = look(0)
            assert finding.status == "warn"
            assert f"session {row[0]}" in finding.details["held"]
            assert look(3600).status == "ok"
        assert f"session {row[0]}" not in look(0).details.get("held", {})

    def test_says_what_a_role_may_not_see(self, postgresql: SqlStorage, postgresql_url: str) -> None:
        """A snapshot of another role is there, its age is not."""
        role = f"r_{uuid4().hex}"
        with (
            psycopg.connect(postgresql_url, autocommit=True) as admin,
            psycopg.connect(postgresql_url) as holder,
        ):
            admin.execute(f'create role "{role}"'.encode())
            try:
                holder.execute(b"set transaction isolation level repeatable read")
                holder.execute(b"select 1")
                admin.execute(f'set role "{role}"'.encode())
                read = admin.execute
                finding = postgresql_health.snapshots(
                    read(postgresql_health.SNAPSHOTS.encode()).fetchall(), postgresql_health.Limits(snapshot_age=0)
                )
                assert "cannot be seen, grant pg_read_all_stats" in finding.message
            finally:
                admin.execute(b"reset role")
                admin.execute(f'drop role "{role}"'.encode())
        assert postgresql.health()


class TestSqlite:
    def test_a_new_store_is_well(self, sqlite: SqlStorage) -> None:
        assert isinstance(sqlite, Diagnosable)
        assert [(finding.check, finding.status) for finding in sqlite.health()] == [
            ("log", "ok"),
            ("bloat", "ok"),
            ("durability", "ok"),
        ]

    def test_tells_what_is_not_durable(self, tmp_path: Path) -> None:
        storage = open_sqlite(f"sqlite:///{tmp_path / 'runs.db'}", synchronous="normal")
        finding = found(storage.health(), "durability")
        storage.close()
        assert finding.status == "warn"
        assert finding.details == {"journal_mode": "wal", "synchronous": "normal"}

    def test_tells_of_a_log_that_has_grown(self, sqlite: SqlStorage, tmp_path: Path) -> None:
        sqlite.put_blob("some", "x" * 10_000)
        with closing(sqlite3.connect(tmp_path / "runs.db")) as connection:
            size = (tmp_path / "runs.db-wal").stat().st_size
            assert size > 10_000
            small, large = (sqlite_health.examine(connection, sqlite_health.Limits(log=n)) for n in (size, size - 1))
        assert (found(small, "log").status, found(large, "log").status) == ("ok", "warn")
        assert found(large, "log").details == {"bytes": size}

    def test_tells_of_free_pages_until_the_file_is_vacuumed(self, sqlite: SqlStorage, tmp_path: Path) -> None:
        sqlite.put_blob("large", "x" * 1_000_000)
        limits = sqlite_health.Limits(free=500_000)
        with closing(sqlite3.connect(tmp_path / "runs.db", isolation_level=None)) as connection:
            assert found(sqlite_health.examine(connection, limits), "bloat").status == "ok"
            connection.execute("delete from squidie_blobs")
            finding = found(sqlite_health.examine(connection, limits), "bloat")
            assert finding.status == "warn"
            assert finding.details["free_bytes"] > 900_000
            assert found(sqlite.health(), "bloat").status == "ok"
            connection.execute("vacuum")
            assert found(sqlite_health.examine(connection, limits), "bloat").status == "ok"
