"""Read models: a run, and lists of runs, as values for people and programs."""

from squidie_core.inspection.commands import CommandView
from squidie_core.inspection.deadlines import DeadlineView
from squidie_core.inspection.lineage import ChildView, ParentView
from squidie_core.inspection.listing import RunList, RunSummary
from squidie_core.inspection.metrics import Metrics
from squidie_core.inspection.snapshot import AttemptView, Snapshot, Waiting

__all__ = [
    "AttemptView",
    "ChildView",
    "CommandView",
    "DeadlineView",
    "Metrics",
    "ParentView",
    "RunList",
    "RunSummary",
    "Snapshot",
    "Waiting",
]
