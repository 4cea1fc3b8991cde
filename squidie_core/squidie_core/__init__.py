"""Squidie: an embedded durable workflow runtime."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from squidie_core import logs
    from squidie_core.authoring import (
        Backoff,
        ChildRun,
        Deadline,
        Defer,
        FailStep,
        Resource,
        Retry,
        RetryStep,
        StepContext,
        Transaction,
        Window,
        Workflow,
        end,
        sequence,
        step,
        trigger,
        where,
    )
    from squidie_core.authoring.dynamic import Action, DynamicEdge, DynamicNode, DynamicWork
    from squidie_core.authoring.schedules import Schedule
    from squidie_core.delivery import DeliveryWorker, Payload, Performed, Runner
    from squidie_core.delivery.aio import AsyncScheduler
    from squidie_core.delivery.scheduler import Scheduler
    from squidie_core.errors import (
        ConflictError,
        Corrupt,
        DefinitionError,
        DynamicWorkError,
        EncodingError,
        InvalidTransitionError,
        LeaseError,
        NotFoundError,
        NotSupported,
        OptionError,
        PayloadError,
        PluginError,
        Problem,
        PurgedError,
        SchemaError,
        SquidieBlockingWarning,
        SquidieError,
        StorageError,
        TooLarge,
        TransactionAborted,
        Unavailable,
        UnknownVersion,
        UnsafeReplayError,
    )
    from squidie_core.inspection import (
        AttemptView,
        ChildView,
        CommandView,
        DeadlineView,
        Metrics,
        ParentView,
        RunList,
        RunSummary,
        Snapshot,
        Waiting,
    )
    from squidie_core.inspection.dynamic import DynamicNodeView, DynamicWorkView
    from squidie_core.inspection.graph import GraphEdge, GraphNode, RunGraph
    from squidie_core.inspection.previewing import DynamicWorkPreview
    from squidie_core.runtime import AsyncSquidie, AsyncWorker, Squidie, Worker
    from squidie_core.signals import Signal, from_cloudevent, to_cloudevent

__all__ = [
    "Action",
    "AsyncScheduler",
    "AsyncSquidie",
    "AsyncWorker",
    "AttemptView",
    "Backoff",
    "ChildRun",
    "ChildView",
    "CommandView",
    "ConflictError",
    "Corrupt",
    "Deadline",
    "DeadlineView",
    "Defer",
    "DefinitionError",
    "DeliveryWorker",
    "DynamicEdge",
    "DynamicNode",
    "DynamicNodeView",
    "DynamicWork",
    "DynamicWorkError",
    "DynamicWorkPreview",
    "DynamicWorkView",
    "EncodingError",
    "FailStep",
    "GraphEdge",
    "GraphNode",
    "InvalidTransitionError",
    "LeaseError",
    "Metrics",
    "NotFoundError",
    "NotSupported",
    "OptionError",
    "ParentView",
    "Payload",
    "PayloadError",
    "Performed",
    "PluginError",
    "Problem",
    "PurgedError",
    "Resource",
    "Retry",
    "RetryStep",
    "RunGraph",
    "RunList",
    "RunSummary",
    "Runner",
    "Schedule",
    "Scheduler",
    "SchemaError",
    "Signal",
    "Snapshot",
    "Squidie",
    "SquidieBlockingWarning",
    "SquidieError",
    "StepContext",
    "StorageError",
    "TooLarge",
    "Transaction",
    "TransactionAborted",
    "Unavailable",
    "UnknownVersion",
    "UnsafeReplayError",
    "Waiting",
    "Window",
    "Worker",
    "Workflow",
    "end",
    "from_cloudevent",
    "logs",
    "sequence",
    "step",
    "to_cloudevent",
    "trigger",
    "where",
]

if not TYPE_CHECKING:  # checkers would take it for a promise of every name

    def __getattr__(name: str) -> object:
        """A name is imported when it is first asked for: a module that declares workflows needs no runtime."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        if name == "logs":
            return import_module(f"{__name__}.logs")
        rooms = ("errors", "authoring", "inspection", "runtime", "delivery", "signals")
        aside = (
            "inspection.graph",
            "inspection.dynamic",
            "inspection.previewing",
            "authoring.dynamic",
            "authoring.schedules",
            "delivery.scheduler",
            "delivery.aio",
        )
        for room in (*rooms, *aside):
            module = import_module(f"{__name__}.{room}")
            if hasattr(module, name):
                return globals().setdefault(name, getattr(module, name))
        raise AssertionError(f"no room has {name}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
