"""How the databases go about the statements that must stay cheap."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from dataclasses import fields
from itertools import pairwise
from typing import Any, cast
from uuid import uuid4

import psycopg
import pytest

from squidie_contract.engine.appends import OFFERS, append
from squidie_core.journal.commit import Head
from squidie_storage_sql import SqlStorage
from squidie_storage_sql.postgresql.arrays import Int8Array, append_arrays, start_arrays
from squidie_storage_sql.postgresql.database import PostgresqlDatabase
from squidie_storage_sql.sqlite.statements import STATEMENTS
from tests.storage_sql.stores import Store

FILL_RUNS = """
insert into {schema}.squidie_runs (namespace, run_id, rev, commit_id, bytes, min_reader, workflow, queue, priority,
    status, needs, tags, wake_at, due_at, started_at, updated_at)
select %(namespace)s, 'r' || i, 1, 7, 9, 1, 'ring-errand', 'default', i %% 10, 'running', '{{ring-errand:*}}', '{{}}',
    case when i %% 500 = 0 then 1 else 4000000000000 + i end, case when i %% 500 = 0 then 1 else 4000000000000 + i end,
    i, i
from generate_series(1, %(runs)s) i"""

FILL_COMMITS = """
insert into {schema}.squidie_commits select %(namespace)s, 'r' || i, 1, 1, 7, 0, '[{{}}]'
from generate_series(1, %(runs)s) i"""

DUE: dict[str, Any] = {
    "queue": "default",
    "offers": list(OFFERS),
    "limit": 16,
    "reserve_for": 1000,
    "marks": Int8Array([0] * 10),
    "ahead": 10_000,
    "moving": True,
}


@pytest.fixture
def schema() -> str:
    return f"s{uuid4().hex}"


@pytest.fixture
def large(postgresql: Store, schema: str) -> SqlStorage:
    """Give a storage whose namespace is large, and newer than what the planner knows of its tables."""
    storage = postgresql.open(schema=schema)
    with psycopg.connect(postgresql.url, autocommit=True) as connection:
        for namespace, runs in (("known", 3000), (postgresql.namespace, 12_000)):
            for fill in (FILL_RUNS, FILL_COMMITS):
                connection.execute(fill.format(schema=schema).encode(), {"namespace": namespace, "runs": runs})
            if namespace == "known":
                connection.execute(f"analyze {schema}.squidie_runs, {schema}.squidie_commits".encode())
    return storage


def scanned(storage: SqlStorage, statement: str, parameters: dict[str, Any]) -> tuple[int, set[str]]:
    """The most rows that any scan of a table read, and the kinds of these scans."""
    database = cast("PostgresqlDatabase", storage.database)
    explain = f"explain (analyze, timing off, costs off, summary off) {statement}"
    lines = [line for (line,) in database.write(explain, parameters)]
    most, kinds = 0, set[str]()
    for number, line in enumerate(lines):
        found = re.search(
            r"(Seq Scan|Index Scan|Index Only Scan|Bitmap \w+ Scan)\b.* squidie_\w+ .*rows=(\d+)\S* loops=(\d+)", line
        )
        if found:
            kinds.add(found[1])
            removed = [
                int(r)
                for rest in lines[number + 1 : number + 5]
                for r in re.findall(r"Rows Removed by Filter: (\d+)", rest)
            ]
            most = max(most, (int(found[2]) + sum(removed[:1])) * int(found[3]))
    assert kinds
    return most, kinds


class TestSqlite:
    @pytest.mark.parametrize("name", [field.name for field in fields(STATEMENTS) if field.name != "filters"])
    def test_finds_all_rows_by_more_than_the_namespace(self, sqlite: Store, name: str) -> None:
        statement = STATEMENTS.find(("status", "after")) if name == "listing" else getattr(STATEMENTS, name)
        parameters = dict.fromkeys(re.findall(r":(\w+)", statement), 1)
        sqlite.open()
        with closing(sqlite3.connect(sqlite.url.removeprefix("sqlite:///"))) as connection:
            plan = [row[3] for row in connection.execute(f"explain query plan {statement}", parameters)]
        assert not [step for step in plan if re.search(r"SCAN ([rcpb]|squidie_\w+)\b|\(namespace=\?\)", step)]


class TestATableThatWasSmallWhenItWasAnalyzed:
    """A prepared statement keeps its plan while the table grows."""

    def test_is_not_scanned(self, postgresql: Store, schema: str) -> None:
        storage = postgresql.open(schema=schema)
        with psycopg.connect(postgresql.url, autocommit=True) as connection:
            for fill in (FILL_RUNS, FILL_COMMITS):
                connection.execute(fill.format(schema=schema).encode(), {"namespace": storage.namespace, "runs": 3})
            for _ in range(2):
                connection.execute(f"vacuum analyze {schema}.squidie_runs, {schema}.squidie_commits".encode())
        statements = cast("PostgresqlDatabase", storage.database).statements
        appends = append_arrays([append("r1", Head(1, 7))])
        for statement, parameters in (
            (statements.append, appends),
            (statements.due, DUE),
            (statements.load, {"wanted": [("r1", None)]}),
        ):
            _, kinds = scanned(storage, statement, parameters)
            assert kinds
            assert "Seq Scan" not in kinds


class TestInATableThatWasNeverAnalyzed:
    """As in the first minute of a new database: to the planner, all indexes that begin with the namespace are alike."""

    def test_runs_are_found_by_their_key_alone(self, postgresql: Store, schema: str) -> None:
        storage = postgresql.open(schema=schema)
        with psycopg.connect(postgresql.url, autocommit=True) as connection:
            connection.execute(
                f"alter table {schema}.squidie_runs set (autovacuum_enabled = false)".encode()  # nor is it by itself
            )
            for fill in (FILL_RUNS, FILL_COMMITS):
                connection.execute(fill.format(schema=schema).encode(), {"namespace": storage.namespace, "runs": 300})
        database = cast("PostgresqlDatabase", storage.database)
        statements = database.statements
        names = [f"r{i}" for i in range(1, 65)]
        numbered = {"wanted": [(name, 2) for name in names]}
        appends = start_arrays([append("r100", Head(1, 7)), append("n1")])
        nudges = {"nudgers": ["r100"], "nudged": names}
        place = {"before": 10_000, "status": "completed", "started_at": 20, "run_id": "", "remember_until": 7}
        for name, parameters in (
            ("heads", {"thread_ids": names}),
            ("tombstones", {"thread_ids": names}),
            ("load", numbered),
            ("standings", numbered),
            ("acknowledge", numbered),
            ("nudge", {"thread_ids": names}),
            ("reserve", {"thread_ids": names, "until": 7, "reason": "x"}),
            ("append", append_arrays([append("r99", Head(1, 7))])),
            ("append_or_start", appends),
            ("append_together", appends),
            ("append_and_nudge", appends | nudges),
            ("append_together_and_nudge", appends | nudges),
            ("quarantine", {"thread_id": "r7", "reason": "x", "by": "y"}),
            ("purge", place | {"limit": 32}),
        ):
            lines = [line for (line,) in database.write(f"explain (costs off) {getattr(statements, name)}", parameters)]
            found = set[str]()
            for line, condition in pairwise([*lines, ""]):
                if "run_id = " in condition and (index := re.search(r" using squidie_runs_(\w+)", line)):
                    found.add(index[1])
            assert found == {"pkey"}, name


class TestInANamespaceThatTheStatisticsDoNotKnow:
    """Looking a row up must not become a scan of its namespace: 400 ms instead of 4 for a group of 128."""

    def test_a_group_reads_the_rows_it_writes(self, large: SqlStorage) -> None:
        statements = cast("PostgresqlDatabase", large.database).statements
        appends = [append(f"r{i}", Head(1, 7)) for i in range(1, 33)]
        most, kinds = scanned(large, statements.append, append_arrays(appends))
        assert (most <= 32, kinds) == (True, {"Index Scan"})
        mixed = [*(append(f"r{i}", Head(1, 7)) for i in range(200, 216)), *(append(f"n{i}") for i in range(16))]
        most, kinds = scanned(large, statements.append_or_start, start_arrays(mixed))
        assert (most <= 32, kinds) == (True, {"Index Scan"})

    @pytest.mark.parametrize("statement", ["append_and_nudge", "append_together_and_nudge"])
    def test_a_group_with_nudges_reads_the_rows_it_writes(self, large: SqlStorage, statement: str) -> None:
        statements = cast("PostgresqlDatabase", large.database).statements
        mixed = [*(append(f"r{i}", Head(1, 7)) for i in range(300, 316)), *(append(f"n{i}") for i in range(16))]
        nudges = {"nudgers": [one.thread_id for one in mixed], "nudged": [f"r{i}" for i in range(308, 340)]}
        most, kinds = scanned(large, getattr(statements, statement), start_arrays(mixed) | nudges)
        assert (most <= 32, "Seq Scan" in kinds) == (True, False)

    @pytest.mark.parametrize("statement", ["due", "due_oldest"])
    def test_due_reads_what_it_gives(self, large: SqlStorage, statement: str) -> None:
        statements = cast("PostgresqlDatabase", large.database).statements
        most, kinds = scanned(large, getattr(statements, statement), DUE)
        assert (most <= 10 * 16, "Seq Scan" in kinds) == (True, False)

    @pytest.mark.parametrize("statement", ["purgeable", "purge"])
    def test_a_purge_reads_what_it_takes(
        self, large: SqlStorage, postgresql: Store, schema: str, statement: str
    ) -> None:
        ended = (
            "update {}.squidie_runs set status = 'completed', ended_at = started_at, due_at = null where rev % 2 = ?"
        )
        postgresql.sql(ended.format(schema).replace("%", "%%"), 1)
        statements = cast("PostgresqlDatabase", large.database).statements
        place = {"before": 10_000, "status": "completed", "started_at": 20, "run_id": "", "remember_until": 7}
        most, kinds = scanned(large, getattr(statements, statement), place | {"limit": 32})
        assert (most <= 32, "Seq Scan" in kinds) == (True, False)

    def test_load_heads_and_standings_read_what_they_give(self, large: SqlStorage) -> None:
        statements = large.database.statements
        wanted = [(f"r{i}", None) for i in range(1, 65)]
        names = [name for name, _ in wanted]
        for statement, parameters in (
            (statements.load, {"wanted": wanted}),
            (statements.heads, {"thread_ids": names}),
            (statements.standings, {"wanted": [(name, 2) for name in names]}),
        ):
            most, kinds = scanned(large, statement, parameters)
            assert (most <= 64, "Seq Scan" in kinds) == (True, False), statement

    def test_a_page_of_a_listing_reads_a_page(self, large: SqlStorage) -> None:
        most, _ = scanned(large, large.database.statements.find(("status",)), {"status": "running", "limit": 50})
        assert most <= 50
