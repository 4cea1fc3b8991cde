"""Rows that hold text which is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg.adapt import Loader, Transformer
from psycopg.pq import Format

from squidie_storage_sql.rows import damaged_text

if TYPE_CHECKING:
    import psycopg
    from psycopg.abc import Buffer

    from squidie_storage_sql.database import Row


class _DamagedText(Loader):
    format = Format.BINARY

    def load(self, data: Buffer) -> str:
        return damaged_text(bytes(data))


def damaged_rows(cursor: psycopg.Cursor[Row]) -> list[Row]:
    """The rows of a statement that was executed and could not be read."""
    result = cursor.pgresult
    if result is None:
        return []
    cursor.adapters.register_loader("text", _DamagedText)
    transformer = Transformer(cursor)
    transformer.set_pgresult(result)
    return transformer.load_rows(0, result.ntuples, tuple)
