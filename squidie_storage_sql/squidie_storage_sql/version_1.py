"""The tables of schema version 1, for both dialects, and the DDL that makes them.

Times are milliseconds since the epoch. Every key begins with the namespace.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.schema import CreateIndex, CreateTable

from squidie_storage_sql.tables import PREFIX, in_schema

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Dialect

_NAME = Text().with_variant(Text(collation="C"), "postgresql")  # ordered by code points, in both dialects
_NAMES = Text().with_variant(ARRAY(Text), "postgresql")  # SQLite: a JSON array

# Room for updates in place: a commit that leaves queue, status and due time alone touches no index. Vacuum does not cut
# off empty pages, because that takes a lock which commits would have to wait for.
_STORAGE = """
alter table squidie_runs set (fillfactor = 70, vacuum_truncate = off, autovacuum_vacuum_cost_delay = 1,
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500, autovacuum_analyze_scale_factor = 0.05);
alter table squidie_commits set (vacuum_truncate = off);
alter table squidie_checkpoints set (vacuum_truncate = off)"""

# The planner scans a table of a few pages rather than use its index, and a prepared statement keeps that plan while the
# table grows, until it is analyzed again. So the tables begin with 100 to 200 pages that hold nothing.
_EMPTY_PAGES = """
insert into squidie_runs (namespace, run_id, rev, commit_id, min_reader, bytes, workflow, queue, priority, status,
    needs, tags, started_at, updated_at, park_reason)
select '', i, 0, 0, 0, 0, '', '', 0, '', '{}', '{}', 0, 0, repeat(' ', 1500) from generate_series(1, 600) i;
delete from squidie_runs where namespace = '';
insert into squidie_commits (namespace, run_id, rev, count, commit_id, previous, body)
select '', i, 0, 0, 0, 0, repeat(' ', 1500) from generate_series(1, 600) i;
delete from squidie_commits where namespace = '';
insert into squidie_checkpoints (namespace, run_id, rev, commit_id, fold_version, body)
select '', i, 0, 0, 0, repeat(' ', 1500) from generate_series(1, 600) i;
delete from squidie_checkpoints where namespace = ''"""


def table_names() -> list[str]:
    """All tables, each after those that it needs."""
    return [table.name for table in _metadata(None).sorted_tables]


def statements(dialect: Dialect, schema: str | None) -> Iterator[str]:
    """The statements that create everything in an empty database."""
    for table in _metadata(schema).sorted_tables:
        yield _tidy(str(CreateTable(table).compile(dialect=dialect)))
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            yield _tidy(str(CreateIndex(index).compile(dialect=dialect)))
    if dialect.name == "postgresql":
        for statement in (*_STORAGE.split(";"), *_EMPTY_PAGES.split(";")):
            yield in_schema(statement.strip(), schema)


def _tidy(statement: str) -> str:
    lines = (line.rstrip() for line in statement.strip().expandtabs(4).splitlines())
    return "\n".join(filter(None, lines))


def _metadata(schema: str | None) -> MetaData:
    metadata = MetaData(schema=schema)
    _runs(metadata)
    _commits(metadata)
    _checkpoints(metadata)
    _blobs(metadata)
    _schema(metadata)
    return metadata


def _runs(metadata: MetaData) -> None:
    """One row a run: its head, and its index row. What is left of a purged run is a row too, so its id stays taken."""
    runs = Table(
        f"{PREFIX}runs",
        metadata,
        Column("namespace", _NAME, nullable=False),
        Column("run_id", _NAME, nullable=False),
        Column("rev", BigInteger, nullable=False),
        Column("commit_id", BigInteger, nullable=False),
        Column("min_reader", Integer, nullable=False),
        Column("bytes", BigInteger, nullable=False, comment="what its entries take"),
        Column("workflow", _NAME, nullable=False),
        Column("version", Text),
        Column("queue", _NAME, nullable=False),
        Column("priority", SmallInteger, nullable=False),
        Column("status", _NAME, nullable=False),
        Column("needs", _NAMES, nullable=False),
        Column("tags", _NAMES, nullable=False),
        Column("wake_at", BigInteger, comment="as the index row has it"),
        Column("due_at", BigInteger, comment="when workers look: from wake_at, nudged_at, parked_until and quarantine"),
        Column("started_at", BigInteger, nullable=False),
        Column("ended_at", BigInteger),
        Column("updated_at", BigInteger, nullable=False),
        Column("reserved_until", BigInteger),
        Column("parked_until", BigInteger),
        Column("park_reason", Text),
        Column("parked", Integer, nullable=False, server_default=text("0")),
        Column("nudges", BigInteger, nullable=False, server_default=text("0")),
        Column("nudged_at", BigInteger, comment="when it was nudged first since the last commit"),
        Column("quarantine_reason", Text),
        Column("quarantine_by", Text),
        Column("quarantine_at", BigInteger),
        Column("start_digest", Text, nullable=False, server_default=text("''")),
        Column("parent", _NAME, comment="the run that may await this one"),
        Column("expires_at", BigInteger, comment="of a purged run, when this row may go too; null for a run"),
        PrimaryKeyConstraint("namespace", "run_id", name="squidie_runs_pkey"),
    )
    is_due = text("due_at is not null")
    column = runs.c
    Index(
        "squidie_runs_due",
        column.namespace,
        column.queue,
        column.priority,
        column.due_at,
        postgresql_where=is_due,
        sqlite_where=is_due,
    )
    newest_first = (column.started_at.desc(), column.run_id.desc())
    is_run, is_tombstone = text("expires_at is null"), text("expires_at is not null")
    for name, *columns in (
        ("started", column.namespace),
        ("status", column.namespace, column.status),
        ("workflow", column.namespace, column.workflow),
    ):
        Index(f"squidie_runs_{name}", *columns, *newest_first, postgresql_where=is_run, sqlite_where=is_run)
    Index(
        "squidie_runs_expired",
        column.namespace,
        column.expires_at,
        postgresql_where=is_tombstone,
        sqlite_where=is_tombstone,
    )


def _commits(metadata: MetaData) -> None:
    """One row an append; `rev` is the revision of its first entry, `body` the JSON text of all of them."""
    Table(
        f"{PREFIX}commits",
        metadata,
        Column("namespace", _NAME, nullable=False),
        Column("run_id", _NAME, nullable=False),
        Column("rev", BigInteger, nullable=False),
        Column("count", Integer, nullable=False),
        Column("commit_id", BigInteger, nullable=False),
        Column("previous", BigInteger, nullable=False),
        Column("body", Text, nullable=False),
        PrimaryKeyConstraint("namespace", "run_id", "rev", name="squidie_commits_pkey"),
    )


def _checkpoints(metadata: MetaData) -> None:
    Table(
        f"{PREFIX}checkpoints",
        metadata,
        Column("namespace", _NAME, nullable=False),
        Column("run_id", _NAME, nullable=False),
        Column("rev", BigInteger, nullable=False),
        Column("commit_id", BigInteger, nullable=False),
        Column("fold_version", Integer, nullable=False),
        Column("body", Text, nullable=False),
        PrimaryKeyConstraint("namespace", "run_id", name="squidie_checkpoints_pkey"),
    )


def _blobs(metadata: MetaData) -> None:
    Table(
        f"{PREFIX}blobs",
        metadata,
        Column("namespace", _NAME, nullable=False),
        Column("digest", _NAME, nullable=False),
        Column("body", Text, nullable=False),
        PrimaryKeyConstraint("namespace", "digest", name="squidie_blobs_pkey"),
    )


def _schema(metadata: MetaData) -> None:
    """One row a migration; the last one holds. Shared by all namespaces."""
    Table(
        f"{PREFIX}schema",
        metadata,
        Column("version", Integer, nullable=False, autoincrement=False),
        Column("oldest_client", Integer, nullable=False, comment="the lowest version whose clients still work"),
        PrimaryKeyConstraint("version", name="squidie_schema_pkey"),
    )
