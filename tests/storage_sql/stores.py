"""A database under test: how to open it, and how to look at it without the adapter."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from squidie_storage_sql import SqlStorage

Rows = Callable[..., list[tuple[Any, ...]]]


@dataclass(frozen=True)
class Open:
    """Opens the store; `options` as the adapter takes them."""

    with_options: Callable[..., SqlStorage]

    def __call__(self, **options: object) -> SqlStorage:
        return self.with_options(**options)


@dataclass(frozen=True)
class Store:
    """A database and the namespace of one test."""

    dialect: str
    url: str
    namespace: str
    open: Open
    sql: Rows
    """Runs a statement beside the adapter, in its own transaction; `?` stands for a parameter."""


def postgresql_rows(url: str) -> Rows:
    def run(statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(url, autocommit=True) as connection:
            cursor = connection.execute(statement.replace("?", "%s").encode(), parameters)
            return cursor.fetchall() if cursor.description else []

    return run


def sqlite_rows(path: Path) -> Rows:
    def run(statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(path)) as connection, connection:
            return connection.execute(statement, parameters).fetchall()

    return run
