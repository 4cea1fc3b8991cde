"""The protocols that adapters implement; what each method's docstring states is an obligation of the adapter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidie_core.lazily import lazily

if TYPE_CHECKING:
    from squidie_core.ports.health import Diagnosable, Finding
    from squidie_core.ports.leases import LeaseBackend
    from squidie_core.ports.notifier import Notifier, TransactionalNotifier
    from squidie_core.ports.storage import (
        Capabilities,
        DueBatch,
        DueRun,
        HeadStatus,
        PurgePage,
        RebuildPage,
        RunPage,
        RunQuery,
        RunRow,
        Storage,
        Tombstone,
    )
    from squidie_core.ports.transactions import HostTransaction, HostTransactions, LentTransaction, host_transactions

__all__ = [
    "Capabilities",
    "Diagnosable",
    "DueBatch",
    "DueRun",
    "Finding",
    "HeadStatus",
    "HostTransaction",
    "HostTransactions",
    "LeaseBackend",
    "LentTransaction",
    "Notifier",
    "PurgePage",
    "RebuildPage",
    "RunPage",
    "RunQuery",
    "RunRow",
    "Storage",
    "Tombstone",
    "TransactionalNotifier",
    "host_transactions",
]

if not TYPE_CHECKING:  # checkers would take it for a promise of every name
    __getattr__ = lazily(__name__, __all__, "storage", "transactions", "notifier", "leases", "health")
