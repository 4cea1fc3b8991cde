"""Dynamic work in a run's state: its nodes, and which of them wait for which."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from squidie_core.dataclass import dataclass
from squidie_core.definition.model import StepDefinition
from squidie_core.definition.plan import PlannedStep
from squidie_core.journal.dynamic import WorkNode
from squidie_core.journal.entries import DynamicWorkRecorded, Json

if TYPE_CHECKING:
    from squidie_core.state.run import RunState


@dataclass(slots=True)
class NodeState:
    """A node, and its place among the others of its work."""

    node: WorkNode
    dynamic_key: str
    after: tuple[str, ...]
    """The nodes that lead to it."""
    leads_to: tuple[str, ...]
    waits_for: int
    """How many of those that lead to it are not applied yet."""
    applied: str | None = None
    """The key of the runnable that was applied for it."""
    _step: PlannedStep | None = field(default=None, compare=False, repr=False)

    @property
    def step(self) -> PlannedStep:
        """The node as a step without routes."""
        if self._step is None:
            self._step = PlannedStep(node_definition(self.node), on_ok=(), on_error=(), dependents=())
        return self._step


def node_definition(node: WorkNode) -> StepDefinition:
    """The node as a step: it takes all of its input, and what it did cannot be undone."""
    return StepDefinition(
        name=node.id, parameters=None, output=node.id, retry=node.retry, timeout=node.timeout, compensatable=False
    )


def record(state: RunState, work: DynamicWorkRecorded) -> bool:
    """Take the work in; False where it contradicts what is recorded already."""
    known = state.dynamic_work.get(work.dynamic_key)
    if known is None and not any(node.id in state.nodes for node in work.nodes):
        take_in(state, work)
        return True
    if known is None:
        return False
    return (known.origin, known.nodes, known.edges, known.status, known.metadata, known.reason) == (
        work.origin,
        work.nodes,
        work.edges,
        work.status,
        work.metadata,
        work.reason,
    )


def take_in(state: RunState, work: DynamicWorkRecorded) -> None:
    """Add the work, none of whose nodes is applied."""
    after: dict[str, dict[str, None]] = {node.id: {} for node in work.nodes}
    leads_to: dict[str, dict[str, None]] = {node.id: {} for node in work.nodes}
    for edge in work.edges:
        if edge.source in leads_to and edge.target in after:
            after[edge.target][edge.source] = None
            leads_to[edge.source][edge.target] = None
    state.dynamic_work[work.dynamic_key] = work
    for node in work.nodes:
        before, behind = tuple(after[node.id]), tuple(leads_to[node.id])
        state.nodes[node.id] = NodeState(node, work.dynamic_key, before, behind, waits_for=len(before))


def node_applied(state: RunState, name: str, key: str) -> None:
    """The runnable was applied for the node: what that leads to waits for one less."""
    node = state.nodes.get(name)
    if node is None or node.applied is not None:
        return
    node.applied = key
    for behind in node.leads_to:
        state.nodes[behind].waits_for -= 1


def node_input(state: RunState, name: str) -> dict[str, Json]:
    """The input of a node that is planned now: its own, and the results of those that lead to it, by their ids."""
    planned = state.nodes.get(name)
    if planned is None:
        return {}
    given = dict(planned.node.input)
    for before in planned.after:
        key = state.nodes[before].applied
        given[before] = None if key is None else (state.runnables[key].result or {}).get(before)
    return given
