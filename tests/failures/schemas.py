"""Later builds of the library: the second expands the schema, the third takes something away that the first needs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, TypeVar

from squidie_storage_sql import migrations
from squidie_storage_sql.migrations import MIGRATIONS, Migration
from squidie_storage_sql.postgresql import database as postgresql
from squidie_storage_sql.postgresql import migrating
from squidie_storage_sql.postgresql.statements import PostgresqlStatements, statements
from squidie_storage_sql.sqlite import database as sqlite
from squidie_storage_sql.sqlite.statements import STATEMENTS
from squidie_storage_sql.statements import Statements
from squidie_storage_sql.tables import in_schema

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

S = TypeVar("S", bound=Statements)


def expanded(_: Dialect, schema: str | None) -> Iterator[str]:
    yield in_schema("alter table squidie_runs add column mood text", schema)
    yield in_schema("create table squidie_moods (run_id text primary key, mood text not null)", schema)


def contracted(_: Dialect, schema: str | None) -> Iterator[str]:
    yield in_schema("alter table squidie_runs rename column nudges to pokes", schema)


LATER = (Migration(2, 1, expanded), Migration(3, 2, contracted))


def become(version: int) -> None:
    """Turn the library in this process into the build of this schema version."""
    migrations.__dict__["MIGRATIONS"] = (*MIGRATIONS, *LATER[: version - 1])
    for module in (migrations, sqlite, migrating):
        module.__dict__["CLIENT_VERSION"] = version
    if version >= LATER[-1].version:
        migrations.__dict__["OLDEST_SCHEMA"] = version
        sqlite.SqliteDatabase.statements = _renamed(STATEMENTS)
        postgresql.__dict__["statements"] = _renamed_statements


def _renamed_statements(schema: str | None) -> PostgresqlStatements:
    return _renamed(statements(schema))


def _renamed(given: S) -> S:
    texts: dict[str, Any] = {
        field.name: re.sub(r"\bnudges\b", "pokes", text)
        for field in fields(given)
        if isinstance(text := getattr(given, field.name), str)
    }
    return replace(given, **texts)
