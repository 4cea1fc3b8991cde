"""A run as nodes and edges: what people and editors draw. No hidden reads, nothing that changes later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Literal

from squidie_core.dataclass import dataclass
from squidie_core.definition.recovery import RecoveryPolicy
from squidie_core.inspection.deadlines import DeadlineView
from squidie_core.inspection.dynamic import DynamicWorkView
from squidie_core.inspection.lineage import ChildView
from squidie_core.inspection.mermaid import flowchart
from squidie_core.inspection.snapshot import AttemptView
from squidie_core.inspection.statuses import NodeStatus
from squidie_core.journal.entries import Decision, Json

EdgeType = Literal["transition", "dependency", "compensation", "dynamic"]
EdgeStatus = Literal["pending", "selected", "skipped", "blocked"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphNode:
    """A step, the callback that undoes one, or a node of dynamic work.

    `status` is that of its newest attempt; `waiting`: there is none yet; `recorded`: it will have none. `input`,
    `output`, `error` and `attempts` are there where the history was asked for.
    """

    id: str
    kind: str
    """`run`, the name of a built-in, or `compensation`."""
    status: NodeStatus
    current: bool = False
    """The run waits for it now."""
    attempt: int = 0
    """The number of its newest attempt."""
    visits: int = 0
    """How often the run has come to it."""
    compensates: str | None = None
    """The node that it undoes."""
    dynamic_key: str | None = None
    """The dynamic work that it is of."""
    action: str | None = None
    """What executes it, where it is of dynamic work."""
    recovery: RecoveryPolicy | None = None
    transition: Decision | None = None
    """The transition that its end selected, the last time."""
    deadline: DeadlineView | None = None
    """That of its newest attempt."""
    input: Mapping[str, Json] | None = field(default=None, repr=False)
    output: Mapping[str, Json] | None = field(default=None, repr=False)
    error: Mapping[str, Json] | None = field(default=None, repr=False)
    attempts: tuple[AttemptView, ...] = field(default=(), repr=False)

    def to_dict(self) -> dict[str, Json]:
        """The same as plain JSON, without what it does not have."""
        plain: dict[str, Json] = {
            "id": self.id,
            "kind": self.kind,
            "status": self.status,
            "current": self.current,
            "attempt": self.attempt,
            "visits": self.visits,
            "compensates": self.compensates,
            "dynamic_key": self.dynamic_key,
            "action": self.action,
            "recovery": None if self.recovery is None else _recovery(self.recovery),
            "transition": None if self.transition is None else _decision(self.transition),
            "deadline": None if self.deadline is None else self.deadline.to_dict(),
            "input": self.input,
            "output": self.output,
            "error": self.error,
            "attempts": [view.to_dict() for view in self.attempts] or None,
        }
        return {name: value for name, value in plain.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphEdge:
    """A way from one node to another. `taken` counts how often the run went it.

    `status`: `selected` where it was taken, `skipped` where its source ended otherwise, `blocked` where the dependency
    failed, else `pending`. The target of a transition that ends the run is `__complete__`.
    """

    id: str
    source: str
    target: str
    type: EdgeType
    status: EdgeStatus
    taken: int = 0
    on: Literal["ok", "error"] | None = None
    condition: Mapping[str, Json] | None = None
    """Its `path`, `operator` and `value`."""
    recovery: str | None = None
    """`compensation` or `undo`, where an error route is marked so."""
    max_visits: int | None = None

    def to_dict(self) -> dict[str, Json]:
        """The same as plain JSON, without what it does not have."""
        plain: dict[str, Json] = {
            "id": self.id,
            "source": self.source,
            "target": self.target,
            "type": self.type,
            "status": self.status,
            "taken": self.taken,
            "on": self.on,
            "condition": self.condition,
            "recovery": self.recovery,
            "max_visits": self.max_visits,
        }
        return {name: value for name, value in plain.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunGraph:
    """A run's graph at revision `rev`: every declared step in its order, then what came up while it ran.

    Where the definition cannot be read there are only the nodes that the run has come to, and no edges.
    """

    run_id: str
    rev: int
    workflow: str
    version: str | None
    status: str
    current_node_ids: tuple[str, ...]
    """What the run waits for; empty when it is over."""
    nodes: tuple[GraphNode, ...]
    edges: tuple[GraphEdge, ...]
    dynamic_work: tuple[DynamicWorkView, ...] = ()
    """Which of the nodes and edges came up together."""
    child_links: tuple[ChildView, ...] = ()
    """The runs that its steps have started."""

    def node(self, id: str) -> GraphNode:  # noqa: A002  # the word
        """The node with this id. Raises KeyError."""
        for node in self.nodes:
            if node.id == id:
                return node
        raise KeyError(id)

    def edge(self, id: str) -> GraphEdge:  # noqa: A002  # the word
        """The edge with this id. Raises KeyError."""
        for edge in self.edges:
            if edge.id == id:
                return edge
        raise KeyError(id)

    def to_dict(self) -> dict[str, Json]:
        """The graph as plain JSON; values are encoded as they are stored."""
        return {
            "run_id": self.run_id,
            "rev": self.rev,
            "workflow": self.workflow,
            "version": self.version,
            "status": self.status,
            "current_node_ids": list(self.current_node_ids),
            "nodes": [node.to_dict() for node in self.nodes],
            "edges": [edge.to_dict() for edge in self.edges],
            "dynamic_work": [work.to_dict() for work in self.dynamic_work],
            "child_links": [
                {**child.to_dict(), "id": f"{child.step}:child_run:{child.id}", "run_id": child.id, "type": "child_run"}
                for child in self.child_links
            ],
        }

    def to_mermaid(self) -> str:
        """The graph as the text of a Mermaid flowchart."""
        return flowchart(
            [(node.id, node.status) for node in self.nodes],
            [(edge.source, edge.target, _label(edge), edge.status == "selected") for edge in self.edges],
        )


def _label(edge: GraphEdge) -> str:
    if edge.type != "transition":
        return "" if edge.type == "dependency" else edge.type
    words = [str(edge.on)]
    if edge.condition is not None:
        words.append(f"{'.'.join(edge.condition['path'])} {edge.condition['operator']} {edge.condition['value']}")
    if edge.recovery is not None:
        words.append(edge.recovery)
    return ", ".join(words)


def _recovery(policy: RecoveryPolicy) -> dict[str, Json]:
    return {
        "irreversible": policy.irreversible,
        "compensatable": policy.compensatable,
        "replay": policy.replay,
        "recovery": policy.recovery,
        **({} if policy.compensate is None else {"compensate": policy.compensate}),
    }


def _decision(decision: Decision) -> dict[str, Json]:
    return {
        "source": decision.source,
        "on": decision.on,
        "target": decision.target,
        **({} if decision.recovery is None else {"recovery": decision.recovery}),
    }
