"""Whether a run's journal makes sense."""

from __future__ import annotations

from squidie_core import Snapshot, Squidie
from squidie_core.journal.codec import decode_entries
from squidie_core.journal.entries import RunnableApplied


def assert_consistent(squidie: Squidie, run: Snapshot) -> None:
    """The journal has no gap, nothing in it broke a rule, and every runnable that ended well was applied once."""
    rev, previous = 0, 0
    commits = squidie.store.storage.read(run.id)
    for commit in commits:
        assert (commit.rev, commit.previous) == (rev + 1, previous), f"gap after {rev}"
        assert len(decode_entries(commit.body)) == commit.count
        rev, previous = commit.head
    found = squidie.inspect_run(run)
    assert found.rev == rev
    assert found.anomalies == ()
    entries = [entry for commit in commits for entry in decode_entries(commit.body)]
    applied = [entry.runnable_key for entry in entries if isinstance(entry, RunnableApplied)]
    assert sorted(applied) == sorted(view.runnable_key for view in found.attempts if view.status == "applied")
