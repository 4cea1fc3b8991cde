"""The outside world of the shop: a file that remembers every effect under its idempotency key, as good services do."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_TABLE = "create table if not exists effects (key text primary key, kind text not null, about text not null)"


@dataclass(frozen=True)
class Effect:
    """Something that happened outside."""

    key: str
    kind: str
    about: Mapping[str, Any]


class Services:
    """Gateway, warehouse and mail in one. Safe to use from any thread and process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.after_effect: Callable[[], object] = lambda: None
        """Called when something has just happened: a way to end the process at the worst moment."""
        with self._connected() as connection:
            connection.execute(_TABLE)

    def once(self, key: str, kind: str, **about: Any) -> bool:
        """Do it unless it was done under this key before; says whether it was done now."""
        with self._connected() as connection:
            done = connection.execute(
                "insert into effects values (?, ?, ?) on conflict do nothing", (key, kind, json.dumps(about))
            )
        if done.rowcount == 1:
            self.after_effect()
        return done.rowcount == 1

    def effects(self, kind: str | None = None) -> list[Effect]:
        """What happened, in order."""
        with self._connected() as connection:
            rows = connection.execute(
                "select key, kind, about from effects where ? is null or kind = ? order by rowid", (kind, kind)
            )
            return [Effect(key, name, json.loads(about)) for key, name, about in rows]

    @contextmanager
    def _connected(self) -> Generator[sqlite3.Connection]:
        connection = sqlite3.connect(self._path, timeout=30, isolation_level=None)
        try:
            yield connection
        finally:
            connection.close()
