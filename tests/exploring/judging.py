"""What must be true of a run, however it came to its end."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from squidie_core import Snapshot, Squidie
from squidie_core.journal.codec import decode_entries
from squidie_core.journal.commit import StoredCommit
from squidie_core.journal.entries import AttemptClaimed, AttemptCompleted, Entry, RunnableApplied, RunTerminal
from squidie_core.ports.storage import RunQuery
from squidie_core.state import RunState
from squidie_core.state.fold import apply
from tests.exploring.outside import Outside

_IDS = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TIMES = re.compile(r"\d{4}-\d\d-\d\dT[0-9:.]+(Z|\+00:00)")


def assert_sound(squidie: Squidie, run_id: str) -> RunState:
    """Revisions without a gap, no entry that broke a rule, one fold, an index that says what the journal says.

    And one active claim an attempt, each runnable completed once and applied once, one end. Gives the run's state.
    """
    store = squidie.store
    commits = store.storage.read(run_id)
    rev, previous = 0, 0
    for commit in commits:
        assert (commit.rev, commit.previous) == (rev + 1, previous), f"gap after {rev}"
        assert len(decode_entries(commit.body)) == commit.count
        rev, previous = commit.head
    entries = entries_of(commits)
    state = store.state(run_id)
    assert (state.rev, state.head.commit_id) == (rev, previous)
    assert state.anomalies == []
    afresh = RunState(run_id)
    for entry in entries:
        ended_before = afresh.terminal
        was = (afresh.status, afresh.error, afresh.ended_at)
        apply(afresh, entry)
        if ended_before:
            assert (afresh.status, afresh.error, afresh.ended_at) == was, "something moved the end"
    assert _shape(afresh) == _shape(state), "loading gives another state than folding all entries"
    _assert_index(squidie, run_id, commits)
    for kind in (AttemptCompleted, RunnableApplied):
        counts = Counter(entry.runnable_key for entry in entries if isinstance(entry, kind))
        assert [key for key, count in counts.items() if count > 1] == [], f"{kind.TYPE} twice"
    assert sum(isinstance(entry, RunTerminal) for entry in entries) == state.terminal
    times = [entry.at for entry in entries]
    assert times == sorted(times), "time goes back"
    return state


def assert_bodies(squidie: Squidie, run_id: str, outside: Outside) -> None:
    """No body ran more often than its attempt was claimed, and none twice for one claim."""
    claims = {
        (entry.runnable_key, entry.claim_id)
        for entry in entries_of(squidie.store.storage.read(run_id))
        if isinstance(entry, AttemptClaimed)
    }
    visits = {visit: count for visit, count in outside.visits.items() if visit[0].startswith(run_id)}
    assert set(visits) <= claims, "a body ran without a claim that stands in the journal"
    assert [visit for visit, count in visits.items() if count > 1] == [], "a body ran twice for one claim"


def ending_of(run: Snapshot) -> dict[str, Any]:
    """How a run ended, without what differs from run to run: its id, and times."""
    said = run.to_dict()
    ending = {
        "status": run.status,
        "error": None if run.error is None else {name: run.error.get(name) for name in ("code", "type", "step")},
        "context": said["context"],
        "applied": sorted(view.runnable_key for view in run.attempts if view.status == "applied"),
    }
    plain: dict[str, Any] = _without(ending, run.id)
    return plain


def entries_of(commits: Sequence[StoredCommit]) -> list[Entry]:
    """Every entry, in order."""
    return [entry for commit in commits for entry in decode_entries(commit.body)]


def _assert_index(squidie: Squidie, run_id: str, commits: Sequence[StoredCommit]) -> None:
    store = squidie.store
    (listed,) = (row for row in store.storage.find(RunQuery(limit=1_000)).runs if row.thread_id == run_id)
    assert listed.index == store.derive_index(run_id, commits), "the index says something else than the journal"


def _shape(state: RunState) -> dict[str, Any]:
    """What two states of one journal share: all but what tells how they were loaded."""
    return {name: getattr(state, name) for name in RunState.__slots__ if name not in _OF_LOADING}


_OF_LOADING = frozenset({"head", "folded_bytes", "checkpoint_bytes", "_ready", "_leases"})


def _without(value: Any, run_id: str) -> Any:
    if isinstance(value, dict):
        return {name: _without(item, run_id) for name, item in value.items()}  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, list):
        return [_without(item, run_id) for item in value]  # pyright: ignore[reportUnknownVariableType]
    return _IDS.sub("ID", _TIMES.sub("AT", value.replace(run_id, "RUN"))) if isinstance(value, str) else value
