"""Read models: a run, and lists of runs, as values for people and programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidie_core.lazily import lazily

if TYPE_CHECKING:
    from squidie_core.inspection.commands import CommandView
    from squidie_core.inspection.deadlines import DeadlineView
    from squidie_core.inspection.dynamic import DynamicNodeView, DynamicWorkView
    from squidie_core.inspection.graph import GraphEdge, GraphNode, RunGraph
    from squidie_core.inspection.lineage import ChildView, ParentView
    from squidie_core.inspection.listing import RunList, RunSummary
    from squidie_core.inspection.metrics import Metrics
    from squidie_core.inspection.previewing import DynamicWorkPreview
    from squidie_core.inspection.snapshot import AttemptView, Snapshot, Waiting

__all__ = [
    "AttemptView",
    "ChildView",
    "CommandView",
    "DeadlineView",
    "DynamicNodeView",
    "DynamicWorkPreview",
    "DynamicWorkView",
    "GraphEdge",
    "GraphNode",
    "Metrics",
    "ParentView",
    "RunGraph",
    "RunList",
    "RunSummary",
    "Snapshot",
    "Waiting",
]

if not TYPE_CHECKING:  # checkers would take it for a promise of every name
    __getattr__ = lazily(
        __name__,
        __all__,
        "snapshot",
        "commands",
        "deadlines",
        "lineage",
        "listing",
        "metrics",
        "dynamic",
        "graph",
        "previewing",
    )
