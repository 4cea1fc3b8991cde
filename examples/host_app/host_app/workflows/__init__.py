"""The shop's workflows."""

from host_app.workflows.daily_digest import DailyDigest
from host_app.workflows.dependency_recovery import DependencyRecovery
from host_app.workflows.manual_approval import ManualApproval
from host_app.workflows.payment_recovery import PaymentRecovery
from host_app.workflows.saga_checkout import SagaCheckout

__all__ = ["ALL", "DailyDigest", "DependencyRecovery", "ManualApproval", "PaymentRecovery", "SagaCheckout"]

ALL = (PaymentRecovery, ManualApproval, DependencyRecovery, SagaCheckout, DailyDigest)
