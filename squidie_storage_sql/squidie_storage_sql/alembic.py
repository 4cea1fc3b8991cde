"""Squidie's tables in a host's own Alembic migrations. The host brings Alembic and hands in its `op`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Executable, text

from squidie_core.errors import NotSupported, OptionError
from squidie_storage_sql.migrations import VERSION, script
from squidie_storage_sql.options import PostgresqlOptions
from squidie_storage_sql.tables import in_schema
from squidie_storage_sql.version_1 import table_names

if TYPE_CHECKING:
    from typing import Protocol

    from sqlalchemy.engine import Connection, Dialect

    class Context(Protocol):
        """What Alembic knows of the migration that is going on."""

        as_sql: bool
        dialect: Dialect

    class Operations(Protocol):
        """Alembic's `op`, as far as it is needed here."""

        def get_context(self) -> Context:
            """The migration that is going on."""
            ...

        def get_bind(self) -> Connection:
            """Its connection."""
            ...

        def execute(self, sqltext: Executable | str) -> None:
            """Run a statement, or write it down."""
            ...


_EXISTS = {
    "postgresql": "select 1 where to_regclass(:name) is not null",
    "sqlite": "select 1 from sqlite_master where type = 'table' and name = :name",
}
_OURS = frozenset(table_names())


def upgrade(op: Operations, *, schema: str | None = None, from_version: int | None = None) -> None:
    """Bring Squidie's tables to the newest version, in the host's transaction; what is there already stays.

    `schema` is where they are, as the storage's option has it; it is created if it is missing. `from_version` is the
    version that the tables have, 0 for none: without it the database says so, which it cannot where Alembic only writes
    SQL. Raises OptionError, and NotSupported for any other database than PostgreSQL and SQLite.
    """
    dialect = _dialect(op, schema)
    if from_version is None:
        from_version = _recorded(op, schema)
    statements = script(dialect, schema, from_version=from_version)
    if schema and statements:
        statements.insert(0, f'create schema if not exists "{schema}"')
    for statement in statements:
        _execute(op, statement)


def downgrade(op: Operations, *, schema: str | None = None) -> None:
    """Drop Squidie's tables, and with them every run. Raises as `upgrade` does."""
    _dialect(op, schema)
    for name in reversed(table_names()):
        _execute(op, f"drop table {in_schema(name, schema)}")


def include_name(name: str | None, type_: str, parent_names: object) -> bool:
    """Keep Squidie's tables out of autogenerate: for `context.configure(include_name=...)`."""
    del parent_names
    return not (type_ == "table" and name in _OURS)


def include_object(
    object_: object,
    name: str | None,
    type_: str,
    reflected: bool,  # noqa: FBT001 -- Alembic calls it by position
    compare_to: object,
) -> bool:
    """The same for `context.configure(include_object=...)`, after the tables were read."""
    del object_, reflected, compare_to
    return not (type_ == "table" and name in _OURS)


def _dialect(op: Operations, schema: str | None) -> Dialect:
    dialect = op.get_context().dialect
    PostgresqlOptions(schema=schema)
    if dialect.name not in _EXISTS:
        raise NotSupported(f"Squidie's tables need PostgreSQL or SQLite, and this is {dialect.name}")
    if schema and dialect.name == "sqlite":
        raise OptionError("schema: a SQLite file has none", details={"option": "schema"})
    return dialect


def _recorded(op: Operations, schema: str | None) -> int:
    context = op.get_context()
    if context.as_sql:
        raise OptionError(
            "from_version: say which version the tables have, 0 for none, where Alembic only writes SQL",
            details={"option": "from_version"},
        )
    connection = op.get_bind()
    name = in_schema("squidie_schema", schema)
    if connection.execute(text(_EXISTS[context.dialect.name]), {"name": name}).first() is None:
        return 0
    row = connection.execute(text(in_schema(VERSION, schema))).first()
    return 0 if row is None else int(row[0])


def _execute(op: Operations, statement: str) -> None:
    op.execute(text(statement.replace(":", "\\:")))
