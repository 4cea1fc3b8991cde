"""sqlite3: each append, group of appends and claim is a transaction that takes the write lock at its begin."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Sequence
from typing import Any

from benchmarks.bare import OFFERS, RESERVE_FOR, Claimed
from benchmarks.bare.rows import row
from squidie_core.journal.commit import Append

_HEAD = """
update squidie_runs
set rev = :rev, commit_id = :commit_id, bytes = bytes + :bytes, min_reader = :min_reader, status = :status,
    needs = :needs, wake_at = :wake_at, due_at = :wake_at, ended_at = :ended_at, nudged_at = null,
    reserved_until = null, parked_until = null, park_reason = null, parked = 0, updated_at = :now
where namespace = :namespace and run_id = :run_id and rev = :expected_rev and commit_id = :expected_commit_id"""

_COMMIT = """
insert into squidie_commits (namespace, run_id, rev, count, commit_id, previous, body)
values (:namespace, :run_id, :first_rev, :count, :commit_id, :expected_commit_id, :body)"""

_RESERVE = """
update squidie_runs set reserved_until = :now + :reserve_for
where namespace = :namespace and run_id in (
    select run_id from squidie_runs
    where namespace = :namespace and queue = :queue and due_at <= :now
        and (reserved_until is null or reserved_until <= :now)
        and exists (select 1 from json_each(needs) where value in (select value from json_each(:offers)))
    order by priority, due_at
    limit :limit)
returning run_id, rev, commit_id"""

_BODIES = "select body from squidie_commits where namespace = ? and run_id = ? order by rev"


class BareSqlite:
    """One connection, in write-ahead mode, that syncs each commit."""

    def __init__(self, url: str, namespace: str) -> None:
        self._connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        self._connection.execute("pragma journal_mode = wal")
        self._connection.execute("pragma synchronous = full")
        self._namespace = namespace

    def append(self, appends: Sequence[Append]) -> int:
        """One transaction."""
        written = 0
        self._connection.execute("begin immediate")
        for append in appends:
            given = self._given(append)
            if self._connection.execute(_HEAD, given).rowcount:
                self._connection.execute(_COMMIT, given)
                written += 1
        self._connection.execute("commit")
        return written

    def _given(self, append: Append) -> dict[str, Any]:
        return row(append, self._namespace, json.dumps(append.index.needs))

    def claim(self, queue: str, limit: int) -> list[Claimed]:
        """One transaction."""
        given = {
            "namespace": self._namespace,
            "queue": queue,
            "now": time.time_ns() // 1_000_000,
            "offers": json.dumps(OFFERS),
            "limit": limit,
            "reserve_for": RESERVE_FOR,
        }
        self._connection.execute("begin immediate")
        heads = self._connection.execute(_RESERVE, given).fetchall()
        claimed = [Claimed(run_id, rev, commit_id, self._bodies(run_id)) for run_id, rev, commit_id in heads]
        self._connection.execute("commit")
        return claimed

    def _bodies(self, run_id: str) -> list[str]:
        return [body for (body,) in self._connection.execute(_BODIES, (self._namespace, run_id))]

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
