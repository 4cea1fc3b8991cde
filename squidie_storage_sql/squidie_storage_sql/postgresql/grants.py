"""What a role needs that runs Squidie and owns nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidie_storage_sql.options import option_error
from squidie_storage_sql.tables import in_schema

if TYPE_CHECKING:
    from collections.abc import Mapping

_LONGEST_NAME = 63

RIGHTS: Mapping[str, str] = {
    "squidie_runs": "select, insert, update",
    "squidie_commits": "select, insert",
    "squidie_checkpoints": "select, insert, update, delete",
    "squidie_blobs": "select, insert",
    "squidie_schema": "select",
}
"""By table. Journals can be added to, not rewritten."""

PURGING_RIGHTS: Mapping[str, str] = {
    "squidie_runs": "select, update, delete",
    "squidie_commits": "select, delete",
    "squidie_checkpoints": "select, delete",
    "squidie_schema": "select",
}
"""The same for a role that purges."""


def grants(role: str, schema: str | None, *, purging: bool = False) -> str:
    """The statements for an owner of the tables to run. Raises OptionError for what names no role."""
    if not role or "\0" in role or len(role.encode(errors="replace")) > _LONGEST_NAME:
        raise option_error("role", f"must be the name of a role, of at most {_LONGEST_NAME} bytes")
    name = '"' + role.replace('"', '""') + '"'
    by_table = PURGING_RIGHTS if purging else RIGHTS
    statements = [f"grant {rights} on {in_schema(table, schema)} to {name}" for table, rights in by_table.items()]
    if schema:
        statements.insert(0, f'grant usage on schema "{schema}" to {name}')
    return "".join(f"{statement};\n" for statement in statements)
