"""Every way that the shop's runs can go, with what people do on it and how it must end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from host_app.application import WorkflowRuns
from host_app.workflows.dependency_recovery import Reminder
from host_app.workflows.manual_approval import Refund
from host_app.workflows.payment_recovery import FailedPayment
from host_app.workflows.saga_checkout import Order
from squidie_core import Snapshot

DAY = datetime(2026, 11, 21, 6, tzinfo=UTC)


def _nothing(_runs: WorkflowRuns, _run: Snapshot) -> None:
    """Nobody has to do anything."""


@dataclass(frozen=True)
class Scenario:
    """`start` with a key, twice is once; `decide` is for a run that waits for somebody, twice is once too."""

    name: str
    start: Callable[[WorkflowRuns, str], Snapshot]
    ends: str
    effects: tuple[str, ...]
    """What has happened outside when the run is over, sorted."""
    decide: Callable[[WorkflowRuns, Snapshot], None] = _nothing


def _approve(runs: WorkflowRuns, run: Snapshot) -> None:
    runs.squidie.approve(run, actor="ada", comment="fine", idempotency_key="yes")


def _reject(runs: WorkflowRuns, run: Snapshot) -> None:
    runs.squidie.reject(run, actor="ada", comment="too late", idempotency_key="no")


def _cancel(runs: WorkflowRuns, run: Snapshot) -> None:
    runs.squidie.cancel(run, actor="ada", idempotency_key="stop")


SCENARIOS = (
    Scenario(
        "payment-flaky",
        lambda runs, key: runs.start_payment_recovery(FailedPayment("acc", "inv", "flaky"), idempotency_key=key),
        "completed",
        ("charge", "mail"),
    ),
    Scenario(
        "payment-down",
        lambda runs, key: runs.start_payment_recovery(FailedPayment("acc", "inv", "down"), idempotency_key=key),
        "completed",
        ("credit", "mail"),
    ),
    Scenario(
        "approved",
        lambda runs, key: runs.start_manual_approval(Refund("acc", 700), idempotency_key=key),
        "completed",
        ("refund",),
        _approve,
    ),
    Scenario(
        "rejected",
        lambda runs, key: runs.start_manual_approval(Refund("acc", 700), idempotency_key=key),
        "completed",
        ("refusal",),
        _reject,
    ),
    Scenario(
        "cancelled",
        lambda runs, key: runs.start_manual_approval(Refund("acc", 700), idempotency_key=key),
        "cancelled",
        (),
        _cancel,
    ),
    Scenario(
        "joined",
        lambda runs, key: runs.start_dependency_recovery(Reminder("acc", "inv"), idempotency_key=key),
        "completed",
        ("letter",),
    ),
    Scenario(
        "saga-good",
        lambda runs, key: runs.start_saga_checkout(Order("o-1"), idempotency_key=key),
        "completed",
        ("authorize", "capture", "reserve"),
    ),
    Scenario(
        "saga-declined",
        lambda runs, key: runs.start_saga_checkout(Order("o-1", "declined"), idempotency_key=key),
        "failed",
        ("authorize", "release", "reserve", "void"),
    ),
    Scenario(
        "digest-by-hand",
        lambda runs, key: runs.start_digest("ops", idempotency_key=key),
        "completed",
        ("digest",),
    ),
)
"""One run each. The digest by schedule has its own identity, its window: see `smoke`."""
