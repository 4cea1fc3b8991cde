"""Stores of both dialects, each test in a namespace of its own, because a server outlives it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from squidie_storage_sql import SqlStorage, open_postgresql, open_sqlite
from tests.storage_sql.stores import Open, Store, postgresql_rows, sqlite_rows


@pytest.fixture
def opened() -> Iterator[Callable[[SqlStorage], SqlStorage]]:
    """Give a function that has a storage closed at the end of the test."""
    storages: list[SqlStorage] = []

    def keep(storage: SqlStorage) -> SqlStorage:
        storages.append(storage)
        return storage

    yield keep
    for storage in storages:
        storage.close()


@pytest.fixture
def postgresql(postgresql_url: str, opened: Callable[[SqlStorage], SqlStorage]) -> Store:
    namespace = uuid4().hex

    def open_(**options: object) -> SqlStorage:
        return opened(open_postgresql(postgresql_url, **{"namespace": namespace, "create": True, **options}))

    return Store("postgresql", postgresql_url, namespace, Open(open_), postgresql_rows(postgresql_url))


@pytest.fixture
def sqlite(tmp_path: Path, opened: Callable[[SqlStorage], SqlStorage]) -> Store:
    url = f"sqlite:///{tmp_path / 'runs.db'}"

    def open_(**options: object) -> SqlStorage:
        return opened(open_sqlite(url, **options))

    return Store("sqlite", url, "default", Open(open_), sqlite_rows(tmp_path / "runs.db"))


@pytest.fixture(params=["postgresql", "sqlite"])
def store(request: pytest.FixtureRequest) -> Store:
    """Give a store of each dialect."""
    made: Store = request.getfixturevalue(request.param)
    return made
