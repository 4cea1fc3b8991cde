"""The bound: the adapter's own PostgreSQL statements in a bare loop, as many of them as the worker needs, and no more.

For each group of runs: look for due ones and reserve them, then the appends of a run (its first claim, and the end of
each step), one statement a group. The entries are those that a worker wrote for one run, with other ids; everything is
encoded before the clock starts.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import psycopg

from benchmarks.ours.chain import Chain
from benchmarks.ours.watched import Watched, is_end, opened
from benchmarks.speaking import options, ready, say
from benchmarks.usage import Stopwatch
from squidie_core import Squidie, Worker
from squidie_core.journal.commit import NO_HEAD, Append
from squidie_core.ports import Storage
from squidie_storage_sql.postgresql.arrays import Int8Array, TextArray, append_arrays, register, start_arrays
from squidie_storage_sql.postgresql.statements import statements

STATEMENTS = statements(None)
SHARED = {"namespace": "default", "lock_timeout": "5000ms"}
STARTS_AT_ONCE = 250


def recorded(store: Storage) -> list[Append]:
    """The appends of one run that a worker found and finished."""
    appends: list[Append] = []
    finished = threading.Event()

    def committed(_began: float, _ended: float, written: Sequence[Append]) -> None:
        appends.extend(written)
        if any(map(is_end, written)):
            finished.set()

    storage = Watched(store, committed)
    with Squidie(storage.as_storage(), workflows=[Chain]) as squidie:
        squidie.start(Chain.go, {"number": 1})
        worker = Worker(squidie)
        thread = threading.Thread(target=worker.run)
        thread.start()
        finished.wait(60)
        worker.stop()
        thread.join()
    return appends


def copied(template: Sequence[Append], number: int) -> list[Append]:
    """The same appends for another run, which falls due after those with lower numbers."""
    run_id = str(uuid.uuid4())
    appends: list[Append] = []
    head = NO_HEAD
    for append in template:
        index = append.index
        if head == NO_HEAD:
            index = replace(index, wake_at=index.started_at + number)
        appends.append(
            replace(
                append,
                thread_id=run_id,
                expected=head,
                body=append.body.replace(append.thread_id, run_id),
                index=index,
                commit_id=uuid.uuid4().int >> 66,
            )
        )
        head = appends[-1].head
    return appends


def execute(
    connection: psycopg.Connection[tuple[Any, ...]], statement: bytes, given: dict[str, Any]
) -> list[tuple[Any, ...]]:
    """One round trip, as the adapter makes it."""
    return connection.execute(statement, given, binary=True).fetchall()


def drive(url: str, runs: int, group: int, server: int | None) -> dict[str, Any]:
    """Start the runs, then measure their way to the end."""
    template = recorded(opened(url))
    time.sleep(max(0.0, template[0].index.started_at / 1000 + runs / 1000 - time.time()))  # until all are due
    copies = [copied(template, number) for number in range(runs)]
    groups = [copies[at : at + group] for at in range(0, runs, group)]
    prepared = [
        [SHARED | append_arrays([run[place] for run in part]) for place in range(1, len(template))] for part in groups
    ]
    due, append = STATEMENTS.due.encode(), STATEMENTS.append.encode()
    look = SHARED | {
        "queue": "default",
        "offers": TextArray(["chain:one", "chain:two", "chain:three", "chain:*"]),
        "limit": group,
        "reserve_for": 1_000,
        "marks": Int8Array([0] * 10),
        "ahead": 2_500,
        "moving": False,
    }
    connection: psycopg.Connection[tuple[Any, ...]]
    with psycopg.connect(url, autocommit=True, prepare_threshold=0) as connection:
        register(connection)
        starts = [run[0] for run in copies]
        for at in range(0, runs, STARTS_AT_ONCE):
            part = starts[at : at + STARTS_AT_ONCE]
            execute(connection, STATEMENTS.append_or_start.encode(), SHARED | start_arrays(part))
        ready()
        written = 0
        watch = Stopwatch(server)
        for arrays in prepared:
            execute(connection, due, look)
            for given in arrays:
                written += len(execute(connection, append, given))
        result = watch.read(runs)
    if written != runs * (len(template) - 1):
        raise RuntimeError("the bound's appends were not all accepted")
    body = sum(len(append.body) for append in template)
    return result | {"group": group, "appends_per_run": len(template) - 1, "bytes_per_run": body}


if __name__ == "__main__":
    given = options()
    say(**drive(given["url"], given["runs"], given["group"], given["server"]))
