"""Bringing the tables of a PostgreSQL database to the newest version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidie_storage_sql.migrations import CLIENT_VERSION, VERSION, MigrationReport, script
from squidie_storage_sql.tables import in_schema

if TYPE_CHECKING:
    import psycopg
    from sqlalchemy.engine import Dialect

    from squidie_storage_sql.database import Row

# One migration at a time: whoever comes second waits here and then finds nothing to do.
_ALONE = "select pg_advisory_xact_lock(hashtextextended(%(home)s, 5718))"
_CREATE_SCHEMA = 'create schema if not exists "{schema}"'
_EXISTS = "select to_regclass(%(table)s) is not null"
_LOCK_TIMEOUT = "select set_config('lock_timeout', '10s', true)"


def migrate(connection: psycopg.Connection[Row], dialect: Dialect, schema: str | None) -> MigrationReport:
    """All in one transaction, so a failure leaves what was there."""

    def run(statement: str, **parameters: str) -> list[Row]:
        cursor = connection.execute(statement.encode(), parameters or None, prepare=False)
        return cursor.fetchall() if cursor.description else []

    with connection.transaction():
        run(_ALONE, home=schema or "")
        run(_LOCK_TIMEOUT)
        if schema:
            run(_CREATE_SCHEMA.format(schema=schema))
        table = in_schema("squidie_schema", schema)
        exists = run(_EXISTS, table=table)[0][0]
        recorded = run(in_schema(VERSION, schema)) if exists else []
        from_version: int = recorded[0][0] if recorded else 0
        for statement in script(dialect, schema, from_version=from_version):
            run(statement)
    return MigrationReport(from_version, max(from_version, CLIENT_VERSION))
