"""From a run's state to its graph."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from squidie_core.definition.model import Condition, StepDefinition, Transition
from squidie_core.definition.plan import Plan
from squidie_core.definition.recovery import recovery_policy
from squidie_core.inspection.deadlines import deadline_view
from squidie_core.inspection.dynamic import work_views
from squidie_core.inspection.graph import EdgeStatus, GraphEdge, GraphNode, RunGraph
from squidie_core.inspection.lineage import children_of
from squidie_core.inspection.snapshot import attempt_view
from squidie_core.inspection.statuses import NodeStatus, status_of
from squidie_core.journal.dynamic import WorkEdge
from squidie_core.journal.entries import Json
from squidie_core.state import RunnableState, RunState
from squidie_core.state.dynamic import node_definition


def run_graph(state: RunState, plan: Plan | None, now: int, *, include_history: bool = False) -> RunGraph:
    """The graph of a state. `plan`: the definition that the run goes by, where it can be read."""
    builder = _Builder(state, plan, now, include_history=include_history)
    return RunGraph(
        run_id=state.run_id,
        rev=state.rev,
        workflow=state.workflow,
        version=state.version,
        status="running" if state.status == "new" else state.status,
        current_node_ids=builder.current,
        nodes=tuple(builder.nodes()),
        edges=tuple(builder.edges()),
        dynamic_work=work_views(state, now),
        child_links=children_of(state),
    )


def node_id(runnable: RunnableState) -> str:
    """The node that the runnable is an attempt of."""
    return f"compensate:{runnable.step}" if runnable.kind == "compensation" else runnable.step


class _Builder:
    def __init__(self, state: RunState, plan: Plan | None, now: int, *, include_history: bool) -> None:
        self.state = state
        self.plan = plan
        self.now = now if state.ended_at is None else state.ended_at
        self.include_history = include_history
        self.attempts: dict[str, list[RunnableState]] = {}
        """By node, in the order in which they were planned."""
        for runnable in state.runnables.values():
            self.attempts.setdefault(node_id(runnable), []).append(runnable)
        rollback = state.rollback
        undone = () if rollback is None else (state.runnables[key] for key in rollback.order)
        self.undone = {f"compensate:{runnable.step}": runnable.step for runnable in undone}
        """The steps that are being undone, by the nodes of their callbacks."""
        self.current = self._current()

    def _current(self) -> tuple[str, ...]:
        state = self.state
        if state.terminal:
            return ()
        if state.gate is not None:
            return (state.gate.step,)
        return tuple(dict.fromkeys(node_id(runnable) for runnable in state.open.values()))

    # Nodes

    def nodes(self) -> Iterator[GraphNode]:
        declared = {} if self.plan is None else {step.name: step for step in self.plan.definition.steps}
        for declaration in declared.values():
            yield self._node(declaration.name, declaration)
        for name, attempts in self.attempts.items():
            if name not in declared and name not in self.state.nodes:
                yield self._node(name, declared.get(attempts[-1].step))
        for name, node in self.state.nodes.items():
            made = self._node(name, node_definition(node.node))
            recorded = self.state.dynamic_work[node.dynamic_key].status == "recorded"
            yield replace(
                made,
                dynamic_key=node.dynamic_key,
                action=node.node.action,
                status="recorded" if recorded else made.status,
            )
        for name, step in self.undone.items():
            if name not in self.attempts:
                status: NodeStatus = "cancelled" if self.state.terminal else "waiting"
                yield GraphNode(id=name, kind="compensation", status=status, compensates=step)

    def _node(self, name: str, step: StepDefinition | None) -> GraphNode:
        attempts = self.attempts.get(name, [])
        newest = attempts[-1] if attempts else None
        undoes = newest is not None and newest.kind == "compensation"
        kind: str = newest.kind if newest is not None else step.kind if step is not None else "run"
        shown = newest if self.include_history else None
        return GraphNode(
            id=name,
            kind=kind,
            status="waiting" if newest is None else status_of(self.state, newest, self.now),
            current=name in self.current,
            attempt=0 if newest is None else newest.attempt,
            visits=max((runnable.visit for runnable in attempts), default=0),
            compensates=newest.step if newest is not None and undoes else None,
            recovery=None if step is None or undoes else recovery_policy(step),
            transition=next((runnable.decision for runnable in reversed(attempts) if runnable.decision), None),
            deadline=None if newest is None else deadline_view(newest, newest.ended_at or self.now),
            input=None if shown is None else shown.input,
            output=None if shown is None else shown.result,
            error=None if shown is None else shown.error,
            attempts=() if shown is None else tuple(attempt_view(runnable, self.now) for runnable in attempts),
        )

    # Edges

    def edges(self) -> Iterator[GraphEdge]:
        if self.plan is not None:
            if self.plan.uses_dependencies:
                yield from self._dependencies(self.plan.definition.steps)
            for index, transition in enumerate(self.plan.definition.transitions):
                yield self._transition(index, transition)
            yield from self._compensations()
        for work in self.state.dynamic_work.values():
            yield from map(self._dynamic, work.edges)

    def _dynamic(self, edge: WorkEdge) -> GraphEdge:
        taken = edge.target in self.attempts
        return GraphEdge(
            id=edge.id,
            source=edge.source,
            target=edge.target,
            type="dynamic",
            status="selected" if taken else "pending",
            taken=int(taken),
        )

    def _transition(self, index: int, transition: Transition) -> GraphEdge:
        taken = self.state.routes_taken.get(index, 0)
        place = f"{transition.source}:{transition.on}:{transition.target}"
        return GraphEdge(
            id=place if transition.condition is None else f"{place}:condition:{index}",
            source=transition.source,
            target=transition.target,
            type="transition",
            status="selected" if taken else "skipped" if self._is_over(transition.source) else "pending",
            taken=taken,
            on=transition.on,
            condition=None if transition.condition is None else _condition(transition.condition),
            recovery=transition.recovery,
            max_visits=transition.max_visits,
        )

    def _is_over(self, step: str) -> bool:
        attempts = self.attempts.get(step)
        return attempts is not None and status_of(self.state, attempts[-1], self.now) in ("completed", "failed")

    def _dependencies(self, steps: Iterable[StepDefinition]) -> Iterator[GraphEdge]:
        for step in steps:
            for source in step.after:
                attempts = self.attempts.get(source)
                reached = None if attempts is None else status_of(self.state, attempts[-1], self.now)
                status: EdgeStatus = "pending"
                if reached in ("completed", "failed"):
                    status = "selected" if reached == "completed" else "blocked"
                yield GraphEdge(
                    id=f"{source}:dependency:{step.name}",
                    source=source,
                    target=step.name,
                    type="dependency",
                    status=status,
                    taken=int(status == "selected"),
                )

    def _compensations(self) -> Iterator[GraphEdge]:
        for name, step in self.undone.items():
            taken = len({runnable.visit for runnable in self.attempts.get(name, ())})
            yield GraphEdge(
                id=f"{step}:compensation:{name}",
                source=step,
                target=name,
                type="compensation",
                status="selected" if taken else "skipped" if self.state.terminal else "pending",
                taken=taken,
            )


def _condition(condition: Condition) -> dict[str, Json]:
    return {"path": list(condition.path), "operator": condition.operator, "value": condition.value}
