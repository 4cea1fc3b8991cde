"""The statements that both dialects give under the same names, with the same parameters and columns."""

from __future__ import annotations

from collections.abc import Mapping

from squidie_core.dataclass import record

FILTERS = ("workflow", "status", "queue", "tag", "due_before", "quarantined", "after")
"""What a listing may be narrowed by; `after` is the last row of the page before."""


@record(frozen=True, slots=True, kw_only=True)
class Statements:
    """SQL text by name."""

    heads: str
    """thread_ids -> run_id, rev, commit_id, status, nudges, parked_until, park_reason, quarantine_reason"""
    load: str
    """wanted, of (thread id, known revision or null) -> rows of `rows.loaded_threads`"""
    read: str
    """thread_id, after, limit -> rev, count, commit_id, previous, body"""
    standings: str
    """next_revs, of (thread id, revision) -> run_id, rev, commit_id of the head, commit_id of the commit there"""
    nudge: str
    """thread_ids"""
    acknowledge: str
    """wanted, of (thread id, how many nudges were seen)"""
    reserve: str
    """thread_ids, until, reason"""
    listing: str
    """limit, and those of the chosen filters -> rows of `rows.run_row`; `{filters}` stands where they go"""
    filters: Mapping[str, str]
    """A condition for each of `FILTERS`; `quarantined` and `unquarantined` are two."""
    put_blob: str
    get_blobs: str
    put_checkpoint: str
    delete_checkpoint: str
    quarantine: str
    unquarantine: str
    """-> a row if it was quarantined"""
    purgeable: str
    """before, status, started_at and run_id to go on after, limit -> started_at, run_id of runs to purge, in order"""
    tombstones: str
    """thread_ids -> rows of `rows.tombstone`"""
    thread_ids: str
    """after, limit -> run_id of the threads that have commits, in order"""
    reindex: str
    """the columns of a head, seen_rev, seen_commit_id -> a row if the head was still the one seen"""
    restore: str
    """the columns of a head -> a row if there was no head"""

    def find(self, filters: tuple[str, ...]) -> str:
        """The listing narrowed by these filters."""
        return self.listing.replace("{filters}", "".join(f" and {self.filters[name]}" for name in filters))
