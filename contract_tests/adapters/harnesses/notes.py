"""A host's own rows beside the runs, in whichever transaction they are written."""

from __future__ import annotations

import sqlite3

import psycopg
from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

NOTES = "create table if not exists notes (world text, word text)"


def write_note(handle: object, world: str, word: str) -> None:
    """Through any handle that the storages take and give."""
    if isinstance(handle, (Connection, Session)):
        handle.execute(text("insert into notes values (:world, :word)"), {"world": world, "word": word})
    elif isinstance(handle, sqlite3.Connection):
        handle.execute("insert into notes values (?, ?)", (world, word))
    else:
        assert isinstance(handle, psycopg.Connection)
        handle.execute("insert into notes values (%s, %s)", (world, word))
