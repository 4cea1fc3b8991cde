"""What the tables are called."""

from __future__ import annotations

PREFIX = "squidie_"


def in_schema(statement: str, schema: str | None) -> str:
    """The statement with its tables in this schema, or as it is."""
    return statement.replace(PREFIX, f'"{schema}".{PREFIX}') if schema else statement
