"""A storage that tells what it was asked for."""

from __future__ import annotations

from collections.abc import Sequence

from squidie_core.journal.commit import Commit, CommitResult
from squidie_core.ports.storage import DueBatch
from squidie_storage_sql import SqlStorage


class Counting(SqlStorage):
    """Notes each look for work as `due` and each append as its run's id, in order; and how often runs were parked."""

    def __init__(self, storage: SqlStorage) -> None:
        super().__init__(storage.database, storage.namespace, "counted")
        self.calls: list[str] = []
        self.parkings = 0

    def due(self, queue: str, *, offers: Sequence[str], limit: int, reserve_for: int) -> DueBatch:
        self.calls.append("due")
        return super().due(queue, offers=offers, limit=limit, reserve_for=reserve_for)

    def commit(self, commits: Sequence[Commit]) -> list[CommitResult]:
        results = super().commit(commits)
        self.calls.extend(append.thread_id for commit in commits for append in commit.appends)
        return results

    def reserve(self, *thread_ids: str, until: int, reason: str) -> None:
        self.parkings += 1
        super().reserve(*thread_ids, until=until, reason=reason)
