"""A store as these tests use it: clients of it, worker threads and processes at it, and a hand in its tables."""

from __future__ import annotations

import re
import sqlite3
import threading
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, LiteralString
from uuid import uuid4

import psycopg

from squidie_core import Snapshot, Squidie, Worker, Workflow
from squidie_core.journal.codec import decode_entries
from squidie_core.journal.commit import StoredCommit
from squidie_core.journal.entries import AttemptClaimed, Entry, RunnableApplied
from squidie_core.memory import MemoryStorage, MemoryWorld
from squidie_core.ports.storage import Storage
from squidie_storage_dynamodb import open_dynamodb
from squidie_storage_dynamodb.expressions import Update
from squidie_storage_dynamodb.packing import pack, unpack
from squidie_storage_dynamodb.values import Value
from tests.runtime.waiting import PATIENCE


class Store(ABC):
    """Runs of one namespace that no other test uses."""

    name: str

    def __init__(self) -> None:
        self.namespace = f"t-{uuid4().hex}"
        self._opened: list[Squidie] = []

    def open(self, *workflows: type[Workflow], **options: Any) -> Squidie:
        """Another client of the store, as another process would have it."""
        squidie = Squidie(self.connection(), workflows=workflows, **options)
        self._opened.append(squidie)
        return squidie

    @abstractmethod
    def connection(self) -> str | Storage:
        """What `Squidie(...)` takes."""

    @abstractmethod
    def rewrite(self, run_id: str, change: Callable[[str], str]) -> str:
        """Change the text of the run's last commit behind everybody's back; what it was."""

    @abstractmethod
    def forget_definitions(self) -> None:
        """Lose the stored definitions."""

    def close(self) -> None:
        """Close every client."""
        for squidie in self._opened:
            squidie.close()


class MemoryStore(Store):
    """In this process."""

    name = "memory"

    def __init__(self) -> None:
        super().__init__()
        self.world = MemoryWorld()

    def connection(self) -> Storage:
        return MemoryStorage(self.namespace, world=self.world)

    def rewrite(self, run_id: str, change: Callable[[str], str]) -> str:
        with self.world.lock:
            commits = self.world.namespaces[self.namespace].threads[run_id].commits
            before = commits[-1].body
            commits[-1] = replace(commits[-1], body=change(before))
            return before

    def forget_definitions(self) -> None:
        with self.world.lock:
            self.world.namespaces[self.namespace].blobs.clear()


class SharedStore(Store):
    """One that processes share, with a URL that says everything."""

    url: str

    def connection(self) -> str:
        return self.url

    @abstractmethod
    def tear_definitions(self) -> None:
        """Make the stored definitions unreadable."""


class SqlStore(SharedStore):
    """Tables."""

    @abstractmethod
    def execute(self, statement: LiteralString, parameters: Mapping[str, object]) -> list[Any]:
        """Execute SQL; the first column of every row."""

    def rewrite(self, run_id: str, change: Callable[[str], str]) -> str:
        """Change the text of the run's last commit behind everybody's back; what it was."""
        key = {"namespace": self.namespace, "run_id": run_id}
        *_, before = self.execute(
            "select body from squidie_commits where namespace = %(namespace)s and run_id = %(run_id)s order by rev", key
        )
        self.execute(
            "update squidie_commits set body = %(body)s where namespace = %(namespace)s and run_id = %(run_id)s "
            "and rev = (select max(rev) from squidie_commits where namespace = %(namespace)s and run_id = %(run_id)s)",
            {**key, "body": change(before)},
        )
        return str(before)

    def forget_definitions(self) -> None:
        self.execute("delete from squidie_blobs where namespace = %(namespace)s", {"namespace": self.namespace})

    def tear_definitions(self) -> None:
        self.execute(
            "update squidie_blobs set body = '{' || body where namespace = %(namespace)s", {"namespace": self.namespace}
        )


class SqliteStore(SqlStore):
    """A file."""

    name = "sqlite"

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self.url = f"sqlite:///{path}?namespace={self.namespace}"

    def execute(self, statement: LiteralString, parameters: Mapping[str, object]) -> list[Any]:
        named = re.sub(r"%\((\w+)\)s", r":\1", statement)
        with closing(sqlite3.connect(self._path, timeout=PATIENCE)) as connection, connection:
            return [row[0] for row in connection.execute(named, dict(parameters))]


class PostgresqlStore(SqlStore):
    """A namespace in a server that outlives the test."""

    name = "postgresql"

    def __init__(self, server: str) -> None:
        super().__init__()
        self._server = server
        self.url = f"{server}?namespace={self.namespace}"

    def execute(self, statement: LiteralString, parameters: Mapping[str, object]) -> list[Any]:
        with psycopg.connect(self._server) as connection, connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return [row[0] for row in cursor] if cursor.description else []


class DynamodbStore(SharedStore):
    """A namespace in a table that outlives the test."""

    name = "dynamodb"

    def __init__(self, table: str) -> None:
        super().__init__()
        self.url = f"{table}&namespace={self.namespace}"
        self._table = open_dynamodb(self.url).table

    def rewrite(self, run_id: str, change: Callable[[str], str]) -> str:
        key = self._table.keys.head(run_id)
        head = self._table.get(key)
        assert head is not None
        *before, last = (commit for packed in head["tail"] for commit in unpack(packed))
        self.set(run_id, "tail", (pack([*before, replace(last, body=change(last.body))]),))
        return last.body

    def forget_definitions(self) -> None:
        self._table.delete_all(self._definitions())

    def tear_definitions(self) -> None:
        for key in self._definitions():
            self._table.put({**key, "body": zlib.compress(b"{"), "pieces": 1})

    def _definitions(self) -> list[dict[str, Value]]:
        """Their keys."""
        client: Any = self._table.calls.client
        scan = client.get_paginator("scan").paginate(TableName=self._table.name, ConsistentRead=True)
        keys = [{name: item[name]["S"] for name in ("pk", "sk")} for page in scan for item in page["Items"]]
        return [key for key in keys if key["pk"].startswith(f"{self.namespace}/blob/")]

    def set(self, run_id: str, attribute: str, value: Value | None) -> None:
        """Change the run's head behind everybody's back."""
        update = Update()
        update.set(attribute, value)
        self._table.update(self._table.keys.head(run_id), update)

    def close(self) -> None:
        super().close()
        self._table.close()


@contextmanager
def working(squidie: Squidie, **options: Any) -> Generator[Worker]:
    """Let a worker work in a thread until the block ends."""
    chosen: dict[str, Any] = {"concurrency": 4, "async_concurrency": 16, "grace": PATIENCE, **options}
    worker = Worker(squidie, **chosen)
    thread = threading.Thread(target=worker.run, daemon=True)
    thread.start()
    try:
        yield worker
    finally:
        worker.stop()
        thread.join(PATIENCE)
        assert not thread.is_alive(), "the worker did not stop"


def commits_of(squidie: Squidie, run: Snapshot | str) -> list[StoredCommit]:
    """The run's journal as it is stored."""
    return list(squidie.store.storage.read(run if isinstance(run, str) else run.id))


def entries_of(squidie: Squidie, run: Snapshot | str) -> list[Entry]:
    """The run's journal, read."""
    return [entry for commit in commits_of(squidie, run) for entry in decode_entries(commit.body)]


def claims_of(squidie: Squidie, run: Snapshot | str) -> list[AttemptClaimed]:
    """Every delivery of every attempt of the run, in order."""
    return [entry for entry in entries_of(squidie, run) if isinstance(entry, AttemptClaimed)]


def assert_consistent(squidie: Squidie, run: Snapshot | str) -> None:
    """The journal has no gap, nothing in it broke a rule, and every runnable that ended well was applied once."""
    rev, previous = 0, 0
    for commit in commits_of(squidie, run):
        assert (commit.rev, commit.previous) == (rev + 1, previous)
        assert len(decode_entries(commit.body)) == commit.count
        rev, previous = commit.head
    found = squidie.inspect_run(run)
    assert found.rev == rev
    assert found.anomalies == ()
    applied = [entry.runnable_key for entry in entries_of(squidie, run) if isinstance(entry, RunnableApplied)]
    assert sorted(applied) == sorted(view.runnable_key for view in found.attempts if view.status == "applied")
