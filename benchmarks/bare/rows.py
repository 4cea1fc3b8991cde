"""What an append writes, as parameters of a statement."""

from __future__ import annotations

import time
from typing import Any

from squidie_core.journal.commit import Append


def row(append: Append, namespace: str, needs: object) -> dict[str, Any]:
    """`needs` as the store has lists."""
    index = append.index
    return {
        "namespace": namespace,
        "run_id": append.thread_id,
        "expected_rev": append.expected.rev,
        "expected_commit_id": append.expected.commit_id,
        "first_rev": append.expected.rev + 1,
        "rev": append.expected.rev + append.count,
        "count": append.count,
        "commit_id": append.commit_id,
        "bytes": len(append.body),
        "body": append.body,
        "min_reader": index.min_reader,
        "status": index.status,
        "needs": needs,
        "wake_at": index.wake_at,
        "ended_at": index.ended_at,
        "now": time.time_ns() // 1_000_000,
    }
