"""DBOS Transact: a workflow of three steps, driven in each way that it offers; the fastest is its figure."""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from typing import Any

if sqlite3.sqlite_version_info < (3, 42):  # what it needs; Debian 12 has an older one
    import pysqlite3

    sys.modules["sqlite3"] = pysqlite3
    sys.modules["sqlite3.dbapi2"] = pysqlite3.dbapi2

from dbos import DBOS, DBOSClient
from sqlalchemy import create_engine, text

from benchmarks.speaking import options, ready, say
from benchmarks.usage import Stopwatch, milliseconds

GIVEN = options()
URL, RUNS = GIVEN["url"], GIVEN["runs"]
QUEUE = f"queue-{os.getpid()}"


@DBOS.step()
def first(number: Any) -> Any:
    """Step one."""
    return {"n": number, "s": "one"}


@DBOS.step()
def second(given: Any) -> Any:
    """Step two."""
    return {"n": given["n"] + 1, "s": "two"}


@DBOS.step()
def third(given: Any) -> Any:
    """Step three."""
    return {"n": given["n"] + 1, "s": "three"}


@DBOS.workflow()
def chain(number: Any) -> Any:
    """Run the three, one after the other."""
    return third(second(first(number)))


def one_after_the_other() -> None:
    """Call the workflow in this thread, again and again."""
    for number in range(RUNS):
        chain(number)


def in_its_threads() -> None:
    """Start all, then wait for all: its thread pool runs them."""
    handles = [DBOS.start_workflow(chain, number) for number in range(RUNS)]
    for handle in handles:
        handle.get_result()


def from_its_queue() -> Any:
    """Drain a queue that was filled before: from its first claim to its last completion, by its own table."""
    client = DBOSClient(system_database_url=URL)
    for number in range(RUNS):
        client.enqueue({"queue_name": QUEUE, "workflow_name": "chain", "app_version": "1"}, number)
    DBOS.register_queue(QUEUE)
    table = "dbos.workflow_status" if URL.startswith("postgresql") else "workflow_status"
    progress = text(
        f"select count(*), min(started_at_epoch_ms), max(completed_at) from {table} "  # noqa: S608
        "where queue_name = :queue and status = 'SUCCESS'"
    )
    engine = create_engine(URL.replace("postgresql://", "postgresql+psycopg://"))
    end = time.monotonic() + 120
    while time.monotonic() < end:
        with engine.connect() as connection:
            done, began, ended = connection.execute(progress, {"queue": QUEUE}).one()
        if done == RUNS:
            return RUNS * 1000 / (ended - began)
        time.sleep(0.1)
    raise SystemExit("the queue was not drained in two minutes")


def throughput() -> Any:
    """Runs per second in each way, and what the fastest of the first two costs."""
    ways = {}
    for way in (one_after_the_other, in_its_threads):
        watch = Stopwatch(GIVEN["server"])
        way()
        ways[way.__name__] = watch.read(RUNS)
    rates = {name: way["runs_per_second"] for name, way in ways.items()}
    best = max(ways.values(), key=lambda way: way["runs_per_second"])
    rates["from_its_queue"] = from_its_queue()
    return best | {"runs_per_second": max(rates.values()), "ways": rates}


def latency() -> Any:
    """One run alone, called in this process."""
    samples = []
    for number in range(RUNS):
        began = time.perf_counter()
        chain(number)
        samples.append(time.perf_counter() - began)
        time.sleep(0.002)
    return milliseconds(samples)


DBOS(config={"name": "bench", "system_database_url": URL, "log_level": "ERROR", "application_version": "1"})
DBOS.launch()
for warming in range(20):
    chain(warming)
ready()
say(**(throughput() if GIVEN["measure"] == "runs" else latency()))
os._exit(0)
