"""The cases, in the order in which they are measured."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.cases.footprint import footprint
from benchmarks.cases.growth import finished_runs_price, long_run_price
from benchmarks.cases.idle import held_snapshot_price, sleeping_runs_price
from benchmarks.cases.latency import postgresql_latency
from benchmarks.cases.leases import lease_claims
from benchmarks.cases.starts import starts
from benchmarks.cases.storages import dynamodb_calls, postgresql_calls, sqlite_calls
from benchmarks.cases.throughput import postgresql_runs, sqlite_runs, two_workers
from benchmarks.cases.wakeups import wakeup_latency
from benchmarks.cases.wide import wide_run
from benchmarks.figures import Figure
from benchmarks.session import Session

CASES: dict[str, Callable[[Session], list[Figure]]] = {
    case.__name__: case
    for case in (
        postgresql_runs,
        sqlite_runs,
        postgresql_latency,
        two_workers,
        finished_runs_price,
        long_run_price,
        starts,
        sleeping_runs_price,
        held_snapshot_price,
        wide_run,
        postgresql_calls,
        sqlite_calls,
        dynamodb_calls,
        lease_claims,
        wakeup_latency,
        footprint,
    )
}
