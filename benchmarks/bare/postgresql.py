"""psycopg: one statement for an append, a pipeline of them in one transaction for several, one for a claim."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import psycopg

from benchmarks.bare import OFFERS, RESERVE_FOR, Claimed
from benchmarks.bare.rows import row
from squidie_core.journal.commit import Append

_APPEND = """
with head as (
    update squidie_runs
    set rev = %(rev)s, commit_id = %(commit_id)s::int8, bytes = bytes + %(bytes)s, min_reader = %(min_reader)s,
        status = %(status)s, needs = %(needs)s::text[], wake_at = %(wake_at)s::int8, due_at = %(wake_at)s::int8,
        ended_at = %(ended_at)s::int8, nudged_at = null, reserved_until = null, parked_until = null,
        park_reason = null, parked = 0, updated_at = %(now)s::int8
    where namespace = %(namespace)s and run_id = %(run_id)s
        and rev = %(expected_rev)s and commit_id = %(expected_commit_id)s::int8
    returning run_id
)
insert into squidie_commits (namespace, run_id, rev, count, commit_id, previous, body)
select %(namespace)s, run_id, %(first_rev)s, %(count)s, %(commit_id)s::int8, %(expected_commit_id)s::int8, %(body)s
from head"""

_CLAIM = """
with picked as (
    select run_id from squidie_runs
    where namespace = %(namespace)s and queue = %(queue)s and due_at <= %(now)s
        and (reserved_until is null or reserved_until <= %(now)s) and needs && %(offers)s::text[]
    order by priority, due_at
    limit %(limit)s
    for no key update skip locked
),
reserved as (
    update squidie_runs r set reserved_until = %(now)s::int8 + %(reserve_for)s
    from picked
    where r.namespace = %(namespace)s and r.run_id = picked.run_id
    returning r.run_id, r.rev, r.commit_id
)
select r.run_id, r.rev, r.commit_id, c.body
from reserved r
join squidie_commits c on c.namespace = %(namespace)s and c.run_id = r.run_id
order by r.run_id, c.rev"""


class BarePostgresql:
    """One connection with its defaults."""

    def __init__(self, url: str, namespace: str) -> None:
        self._connection: psycopg.Connection[tuple[Any, ...]] = psycopg.connect(url, autocommit=True)
        self._namespace = namespace

    def append(self, appends: Sequence[Append]) -> int:
        """One statement, or one transaction of many."""
        if len(appends) == 1:
            return self._connection.execute(_APPEND, self._given(appends[0])).rowcount
        with self._connection.transaction(), self._connection.cursor() as cursor:
            cursor.executemany(_APPEND, [self._given(append) for append in appends])
            return cursor.rowcount

    def _given(self, append: Append) -> dict[str, Any]:
        return row(append, self._namespace, list(append.index.needs))

    def claim(self, queue: str, limit: int) -> list[Claimed]:
        """One statement."""
        given = {
            "namespace": self._namespace,
            "queue": queue,
            "now": time.time_ns() // 1_000_000,
            "offers": list(OFFERS),
            "limit": limit,
            "reserve_for": RESERVE_FOR,
        }
        rows = self._connection.execute(_CLAIM, given).fetchall()
        return [
            Claimed(run_id, rev, commit_id, [row[3] for row in commits])
            for (run_id, rev, commit_id), commits in groupby(rows, key=lambda row: row[:3])
        ]

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
