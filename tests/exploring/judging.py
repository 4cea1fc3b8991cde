"""What must be true of a run, however it came to its end."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from squidie_core import Snapshot, Squidie
from squidie_core.journal.codec import decode_entries
from squidie_core.journal.entries import (
    AttemptClaimed,
    AttemptCompleted,
    AttemptFailed,
    AttemptHeartbeat,
    AttemptReleased,
    Entry,
    RunnableApplied,
    RunTerminal,
)
from squidie_core.ports.storage import RunQuery
from squidie_core.state import RunState
from squidie_core.state.checkpoint import restore, save
from squidie_core.state.fold import apply
from squidie_core.state.index import index_row
from tests.exploring.outside import Outside

_IDS = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TIMES = re.compile(r"\d{4}-\d\d-\d\dT[0-9:.]+(Z|\+00:00)")


def assert_sound(squidie: Squidie, run_id: str, outside: Outside) -> RunState:
    """Revisions without a gap, no entry that broke a rule, one fold, an index that says what the journal says.

    And one active claim an attempt, each runnable completed once and applied once, each command obeyed once, one end.
    And no body ran more often than its attempt was claimed, none twice for one claim. Gives the run's state.
    """
    store = squidie.store
    commits = store.storage.read(run_id)
    rev, previous = 0, 0
    entries: list[Entry] = []
    for commit in commits:
        assert (commit.rev, commit.previous) == (rev + 1, previous), f"gap after {rev}"
        entries += decode_entries(commit.body)
        rev, previous = commit.head
        assert len(entries) == rev, "a commit has not the entries that it says"
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
    _assert_checkpoint(state)
    _assert_index(squidie, afresh)
    _assert_bodies(run_id, entries, outside)
    for kind in (AttemptCompleted, RunnableApplied):
        counts = Counter(entry.runnable_key for entry in entries if isinstance(entry, kind))
        assert [key for key, count in counts.items() if count > 1] == [], f"{kind.TYPE} twice"
    _assert_claims(entries, store.max_skew)
    orders = Counter((receipt.signal, receipt.idempotency_key) for receipt in state.receipts)
    assert [order for order, count in orders.items() if count > 1 and order[1] is not None] == [], "a command twice"
    assert sum(isinstance(entry, RunTerminal) for entry in entries) == state.terminal
    times = [entry.at for entry in entries]
    assert times == sorted(times), "time goes back"
    return state


def _assert_bodies(run_id: str, entries: Sequence[Entry], outside: Outside) -> None:
    claims = {(entry.runnable_key, entry.claim_id) for entry in entries if isinstance(entry, AttemptClaimed)}
    visits = {visit: count for visit, count in outside.visits.items() if visit[0].startswith(run_id)}
    assert set(visits) <= claims, "a body ran without a claim that stands in the journal"
    assert [visit for visit, count in visits.items() if count > 1] == [], "a body ran twice for one claim"


def ending_of(run: Snapshot, *, attempts: bool = True) -> dict[str, Any]:
    """How a run ended, without what differs from run to run: its id and times, and by which `attempts` if not asked."""
    said = run.to_dict()
    ending = {
        "status": run.status,
        "error": None if run.error is None else {name: run.error.get(name) for name in ("code", "type", "step")},
        "context": said["context"],
        "applied": sorted(
            view.runnable_key if attempts else view.step for view in run.attempts if view.status == "applied"
        ),
    }
    plain: dict[str, Any] = _without(ending, run.id)
    return plain


def _assert_claims(entries: Sequence[Entry], max_skew: int) -> None:
    """Nobody's claim was taken while the slowest clock had it last."""
    leases: dict[str, int] = {}
    for entry in entries:
        match entry:
            case AttemptClaimed(at, key, _, _, lease_until):
                assert leases.get(key, 0) + (max_skew if key in leases else 0) <= at, "two active claims"
                leases[key] = lease_until
            case AttemptHeartbeat(_, claims, lease_until):
                leases |= dict.fromkeys(claims, lease_until)
            case AttemptReleased() | AttemptCompleted() | AttemptFailed():
                leases.pop(entry.runnable_key, None)
            case _:
                pass


def _assert_checkpoint(state: RunState) -> None:
    """What would be saved of the state is all of it."""
    restored = restore(state.run_id, save(state))
    assert restored is not None
    assert _shape(restored) == _shape(state), "a checkpoint gives another state than it was made of"


def _assert_index(squidie: Squidie, state: RunState) -> None:
    store = squidie.store
    (listed,) = (row for row in store.storage.find(RunQuery(limit=1_000)).runs if row.thread_id == state.run_id)
    assert listed.index == index_row(state, store.max_skew), "the index says something else than the journal"


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
