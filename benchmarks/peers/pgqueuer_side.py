"""PgQueuer: a chain of three jobs, each of which enqueues the next. It keeps no results: for information."""

from __future__ import annotations

import json
import os
from typing import Any

import asyncpg
import uvloop
from pgqueuer import PgQueuer
from pgqueuer.db import AsyncpgDriver
from pgqueuer.domain.types import QueueExecutionMode

from benchmarks.speaking import options, ready, say
from benchmarks.usage import Stopwatch

GIVEN = options()
BATCH = 10


async def drained(runs: Any) -> Any:
    """Enqueue chains, then measure a manager that works until nothing is left."""
    connection = await asyncpg.connect(GIVEN["url"])
    app = PgQueuer(AsyncpgDriver(connection))
    queries = app.qm.queries

    @app.entrypoint("first")
    async def first(job: Any) -> None:
        given = json.loads(job.payload)
        await queries.enqueue("second", json.dumps({"n": given["n"], "s": "one"}).encode())

    @app.entrypoint("second")
    async def second(job: Any) -> None:
        given = json.loads(job.payload)
        await queries.enqueue("third", json.dumps({"n": given["n"] + 1, "s": "two"}).encode())

    @app.entrypoint("third")
    async def third(job: Any) -> None:
        json.loads(job.payload)

    for number in range(runs):
        await queries.enqueue("first", json.dumps({"n": number}).encode())
    watch = Stopwatch(GIVEN["server"])
    await app.qm.run(batch_size=BATCH, mode=QueueExecutionMode.drain)
    return watch.read(runs)


async def main() -> None:
    """Install, warm up, measure."""
    if GIVEN["first"]:
        connection = await asyncpg.connect(GIVEN["url"])
        await PgQueuer(AsyncpgDriver(connection)).qm.queries.install()
        await connection.close()
    await drained(20)
    ready()
    say(**await drained(GIVEN["runs"]))


uvloop.run(main())
os._exit(0)
