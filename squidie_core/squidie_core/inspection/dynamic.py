"""Dynamic work as people and programs see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, field
from datetime import datetime

from squidie_core.dataclass import dataclass
from squidie_core.inspection.statuses import NodeStatus, status_of
from squidie_core.inspection.times import moment, text
from squidie_core.journal.dynamic import WorkEdge, WorkOrigin
from squidie_core.journal.entries import DynamicWorkRecorded, Json, WorkStatus
from squidie_core.state import RunnableState, RunState


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamicNodeView:
    """One node. `recorded`: it is evidence alone; `waiting`: not all that lead to it are applied."""

    id: str
    action: str | None
    status: NodeStatus
    max_attempts: int
    input: Mapping[str, Json] = field(repr=False)
    metadata: Mapping[str, Json] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamicWorkView:
    """Nodes that came out of a step at run time, and what leads to what. Values are as they are stored."""

    key: str
    status: WorkStatus
    reason: str | None
    origin: WorkOrigin
    nodes: tuple[DynamicNodeView, ...]
    edges: tuple[WorkEdge, ...]
    recorded_at: datetime
    metadata: Mapping[str, Json] = field(repr=False)

    @property
    def origin_node_id(self) -> str:
        """The node of the run's graph that it came out of."""
        return self.origin.step

    @property
    def node_ids(self) -> tuple[str, ...]:
        """The nodes that it added to the run's graph."""
        return tuple(node.id for node in self.nodes)

    @property
    def edge_ids(self) -> tuple[str, ...]:
        """The edges that it added to the run's graph."""
        return tuple(edge.id for edge in self.edges)

    def to_dict(self) -> dict[str, Json]:
        """The same as plain JSON."""
        return {
            "dynamic_key": self.key,
            "status": self.status,
            "reason": self.reason,
            "origin": asdict(self.origin),
            "nodes": [asdict(node) for node in self.nodes],
            "edges": [{"id": e.id, "from": e.source, "to": e.target, "type": e.type} for e in self.edges],
            "recorded_at": text(self.recorded_at),
            "metadata": dict(self.metadata),
        }


def work_views(state: RunState, now: int) -> tuple[DynamicWorkView, ...]:
    """All dynamic work of the run, in the order of its recording."""
    if not state.dynamic_work:
        return ()
    newest = {runnable.step: runnable for runnable in state.runnables.values() if runnable.dynamic is not None}
    return tuple(_view(state, work, newest, now) for work in state.dynamic_work.values())


def _view(state: RunState, work: DynamicWorkRecorded, newest: Mapping[str, RunnableState], now: int) -> DynamicWorkView:
    nodes: list[DynamicNodeView] = []
    for node in work.nodes:
        attempt = newest.get(node.id)
        status: NodeStatus = "recorded" if work.status == "recorded" else "waiting"
        nodes.append(
            DynamicNodeView(
                id=node.id,
                action=node.action,
                status=status if attempt is None else status_of(state, attempt, now),
                max_attempts=1 if node.retry is None else node.retry.max_attempts,
                input=node.input,
                metadata=node.metadata,
            )
        )
    return DynamicWorkView(
        key=work.dynamic_key,
        status=work.status,
        reason=work.reason,
        origin=work.origin,
        nodes=tuple(nodes),
        edges=work.edges,
        recorded_at=moment(work.at),
        metadata=work.metadata,
    )
