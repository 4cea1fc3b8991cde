"""Many runs at once, copied inside PostgreSQL from runs that the runtime wrote: valid rows under other ids."""

from __future__ import annotations

from threading import Thread
from typing import Any, cast

import psycopg

from benchmarks.ours.chain import Chain
from benchmarks.ours.feeding import feed, wait_until_finished
from benchmarks.ours.workflows import WORKFLOWS
from squidie_core import Squidie, Worker

_SAMPLES = 50

_COLUMNS = """
select column_name from information_schema.columns
where table_schema = current_schema() and table_name = %s and column_name <> 'run_id' and column_name <> 'body'"""

# The first eight digits of the id become the copy's number; the rest is the original's own.
_COPY_ID = "overlay(r.run_id placing lpad(to_hex(n), 8, '0') from 1 for 8)"


def finished_runs(url: str, runs: int) -> None:
    """Fill the store with finished chains."""
    with Squidie(url, workflows=WORKFLOWS) as squidie:
        samples = [squidie.start(Chain.go, {"number": number}).id for number in range(min(_SAMPLES, runs))]
        squidie.drain(limit=len(samples) * 3)
    _copy(url, samples, runs)


def sleeping_runs(url: str, runs: int) -> None:
    """Fill the store with runs that are due from tomorrow on."""
    with Squidie(url, workflows=WORKFLOWS) as squidie:
        samples = [
            squidie.start(Chain.go, {"number": number}, delay=86_400 + 60 * number).id
            for number in range(min(_SAMPLES, runs))
        ]
    _copy(url, samples, runs)


def _copy(url: str, samples: list[str], runs: int) -> None:
    copies = runs // len(samples) - 1
    with psycopg.connect(url, autocommit=True) as connection:
        for table, body in (("squidie_runs", ""), ("squidie_commits", "body")):
            columns = ", ".join(name for (name,) in connection.execute(_COLUMNS, [table]))
            values = ", ".join(f"r.{name}" for name in columns.split(", "))
            if body:
                columns += ", body"
                values += f", replace(r.body, r.run_id, {_COPY_ID})"
            copy = (
                f"insert into {table} (run_id, {columns}) select {_COPY_ID}, {values} "  # noqa: S608  # names from the catalog
                f"from {table} r, generate_series(1, %s) n where r.run_id = any(%s)"
            )
            connection.execute(cast("Any", copy), [copies, samples])
        connection.execute("vacuum (analyze) squidie_runs")
        connection.execute("vacuum (analyze) squidie_commits")


def churn(url: str, runs: int) -> None:
    """Start so many chains while a worker of this process finishes them."""
    with Squidie(url, workflows=WORKFLOWS) as squidie:
        worker = Worker(squidie)
        thread = Thread(target=worker.run)
        thread.start()
        feed(url, runs)
        wait_until_finished(squidie, seconds=600)
        worker.stop()
        thread.join()
