"""Journals that released versions wrote: every later version reads them, and reads the same in them.

The files in `golden/` are never changed; a version that writes differently adds its own.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from squidie_core.definition.plan import Plan
from squidie_core.journal.commit import Head, LoadedThread, StoredCommit
from squidie_core.state import RunState, fold_thread, index_row

FILES = sorted(Path(__file__).with_name("golden").glob("journal_v*.json"))
V1_TYPES = {
    "run_signal_received",
    "run_started",
    "runnables_planned",
    "attempt_claimed",
    "attempt_heartbeat",
    "attempt_released",
    "attempt_completed",
    "attempt_failed",
    "runnable_applied",
    "manual_step_paused",
    "manual_step_resolved",
    "run_terminal",
}

golden = pytest.mark.parametrize("journal", [json.loads(file.read_text("ascii")) for file in FILES], ids=lambda _: "")


def load(thread: dict[str, Any]) -> RunState:
    commits = [StoredCommit(**commit) for commit in thread["commits"]]
    return fold_thread(RunState(thread["run_id"]), LoadedThread(commits[-1].head, commits))


def summary(state: RunState) -> dict[str, Any]:
    """What the run was, in words that no later version may change."""
    row = index_row(state)
    return {
        "head": list(state.head),
        "status": state.status,
        "workflow": state.workflow,
        "version": state.version,
        "definition": state.definition,
        "trigger": state.trigger,
        "queue": state.queue,
        "priority": state.priority,
        "tags": list(state.tags),
        "input": state.input,
        "payload_digest": state.payload_digest,
        "context": state.context,
        "error": state.error,
        "routed_error": state.routed_error,
        "started_at": state.started_at,
        "ended_at": state.ended_at,
        "last_at": state.last_at,
        "wake_at": row.wake_at,
        "needs": list(row.needs),
        "open": list(state.open),
        "applied_steps": sorted(state.applied_steps),
        "visits": state.visits,
        "routes_taken": {str(index): taken for index, taken in state.routes_taken.items()},
        "gate": None if state.gate is None else [state.gate.step, state.gate.kind, state.gate.paused_at],
        "receipts": [
            [receipt.at, receipt.signal, receipt.idempotency_key, receipt.actor, receipt.comment, receipt.metadata]
            for receipt in state.receipts
        ],
        "anomalies": [[anomaly.rev, anomaly.reason, anomaly.runnable_key] for anomaly in state.anomalies],
        "runnables": {
            key: {
                "step": runnable.step,
                "kind": runnable.kind,
                "attempt": runnable.attempt,
                "visit": runnable.visit,
                "status": runnable.status,
                "input": runnable.input,
                "idempotency_key": runnable.idempotency_key,
                "previous": runnable.previous,
                "planned_at": runnable.planned_at,
                "visible_at": runnable.visible_at,
                "claim": [runnable.claim_id, runnable.owner_id, runnable.lease_until, runnable.claimed_at],
                "deliveries": runnable.deliveries,
                "result": runnable.result,
                "error": runnable.error,
                "retry_key": runnable.retry_key,
                "deferred": runnable.deferred,
                "ended_at": runnable.ended_at,
                "applied_at": runnable.applied_at,
                "took": None if runnable.decision is None else [runnable.decision.on, runnable.decision.target],
            }
            for key, runnable in state.runnables.items()
        },
    }


@golden
class TestGoldenJournal:
    def test_folds_to_what_its_version_read_in_it(self, journal: dict[str, Any]) -> None:
        for thread in journal["threads"]:
            assert json.loads(json.dumps(summary(load(thread)))) == thread["state"]

    def test_has_the_definition_that_its_runs_are_pinned_to(self, journal: dict[str, Any]) -> None:
        plan = Plan.from_text(journal["definition"])
        for thread in journal["threads"]:
            state = load(thread)
            assert plan.fingerprint == state.definition
            assert {runnable.step for runnable in state.runnables.values()} <= set(plan.steps)
        assert Plan(plan.definition).text == journal["definition"]

    def test_has_entries_of_every_type(self, journal: dict[str, Any]) -> None:
        bodies = [json.loads(commit["body"]) for thread in journal["threads"] for commit in thread["commits"]]
        assert {entry["type"] for body in bodies for entry in body} >= V1_TYPES

    def test_is_fenced_commit_by_commit(self, journal: dict[str, Any]) -> None:
        for thread in journal["threads"]:
            previous = Head(0, 0)
            for commit in [StoredCommit(**item) for item in thread["commits"]]:
                assert (commit.rev, commit.previous) == (previous.rev + 1, previous.commit_id)
                previous = commit.head


def test_the_first_version_is_there() -> None:
    assert FILES[0].name == "journal_v1.json"
