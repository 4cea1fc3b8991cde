"""The application's own boundary: nothing else in the shop knows how its runs are kept."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from host_app.services import Services
from host_app.workflows import ALL, DailyDigest, DependencyRecovery, ManualApproval, PaymentRecovery, SagaCheckout
from host_app.workflows.dependency_recovery import Reminder
from host_app.workflows.manual_approval import Refund
from host_app.workflows.payment_recovery import FailedPayment
from host_app.workflows.saga_checkout import Order
from squidie_core import Payload, Runner, Snapshot, Squidie, Window


def open_squidie(url: str, services: Path) -> Squidie:
    """The shop's Squidie: its workflows, and the services that their bodies ask for."""
    return Squidie(url, workflows=ALL, resources={Services: Services(services)})


class WorkflowRuns:
    """What the shop's pages, jobs and operators call."""

    def __init__(self, squidie: Squidie) -> None:
        self.squidie = squidie

    def start_payment_recovery(self, payment: FailedPayment, **options: Any) -> Snapshot:
        """A payment failed."""
        return self.squidie.start(PaymentRecovery.payment_recovery, payment, **options)

    def start_manual_approval(self, refund: Refund, **options: Any) -> Snapshot:
        """A customer wants money back."""
        return self.squidie.start(ManualApproval.manual_approval, refund, **options)

    def start_dependency_recovery(self, reminder: Reminder, **options: Any) -> Snapshot:
        """A customer has to be reminded."""
        return self.squidie.start(DependencyRecovery.dependency_recovery, reminder, **options)

    def start_saga_checkout(self, order: Order, **options: Any) -> Snapshot:
        """A customer buys."""
        return self.squidie.start(SagaCheckout.saga_checkout, order, **options)

    def start_digest(self, channel: str, **options: Any) -> Snapshot:
        """Somebody wants the news now."""
        return self.squidie.start(DailyDigest, {"channel": channel}, trigger="manual_digest", **options)

    def deliver_digest(self, day: datetime) -> Snapshot:
        """The scheduler's delivery for a day; doing it again gives the same run."""
        window = Window(day, day + timedelta(days=1))
        performed = Runner(self.squidie).perform(Payload.cron(DailyDigest, "daily_digest", intended_window=window))
        assert performed.run is not None  # noqa: S101  # a cron payload has one
        return performed.run
