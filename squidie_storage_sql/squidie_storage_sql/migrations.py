"""The schema's versions: numbered migrations, and which clients a schema works with.

A migration expands first and contracts in a later version, so that clients of both versions work meanwhile:
`oldest_client` rises only when something that old clients need goes away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from squidie_core.dataclass import record
from squidie_core.errors import SchemaError
from squidie_storage_sql.tables import in_schema

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect


@record(frozen=True, slots=True)
class MigrationReport:
    """What a migration did. `from_version` is 0 where there was nothing."""

    from_version: int
    to_version: int


@record(frozen=True, slots=True)
class Migration:
    """The step to a version."""

    version: int
    oldest_client: int
    statements: Callable[[Dialect, str | None], Iterator[str]]


def _version_1(dialect: Dialect, schema: str | None) -> Iterator[str]:
    from squidie_storage_sql import version_1  # noqa: PLC0415  # a worker finds its tables there

    return version_1.statements(dialect, schema)


MIGRATIONS = (Migration(1, 1, _version_1),)

CLIENT_VERSION = MIGRATIONS[-1].version
"""The version that this client was written for."""

OLDEST_SCHEMA = 1
"""The oldest version that this client works with."""

VERSION = "select version, oldest_client from squidie_schema order by version desc limit 1"


def script(dialect: Dialect, schema: str | None, *, from_version: int) -> list[str]:
    """The statements that lead from a version to the newest, and record it."""
    statements: list[str] = []
    for migration in MIGRATIONS:
        if migration.version > from_version:
            statements.extend(migration.statements(dialect, schema))
            statements.append(in_schema(_record(migration), schema))
    return statements


def _record(migration: Migration) -> str:
    values = f"({migration.version}, {migration.oldest_client})"
    return f"insert into squidie_schema (version, oldest_client) values {values}"  # noqa: S608 -- two numbers of ours


def check(rows: Sequence[tuple[int, int]] | None, place: str) -> None:
    """Raise SchemaError unless this client works with the schema; `rows` of VERSION, None where there is no table."""
    if not rows:
        raise SchemaError(f"{place} has no Squidie tables yet; run `squidie migrate URL`")
    version, oldest_client = rows[0]
    details = {"version": version, "oldest_client": oldest_client, "client": CLIENT_VERSION}
    if version < OLDEST_SCHEMA:
        raise SchemaError(
            f"{place} has Squidie's tables in version {version}, this client needs {OLDEST_SCHEMA} or later; "
            "run `squidie migrate URL`",
            details=details,
        )
    if oldest_client > CLIENT_VERSION:
        raise SchemaError(
            f"{place} has Squidie's tables in version {version}, which no client older than {oldest_client} "
            f"works with, and this one is {CLIENT_VERSION}; upgrade squidie-storage-sql",
            details=details,
        )
