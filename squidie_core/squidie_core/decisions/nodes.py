"""Nodes of dynamic work as steps: without routes, known by their ids."""

from __future__ import annotations

from squidie_core.definition.plan import PlannedStep
from squidie_core.state.dynamic import node_definition
from squidie_core.state.run import RunState


def node_step(state: RunState, name: str) -> PlannedStep:
    """The node as a step. Raises KeyError where there is none."""
    return PlannedStep(node_definition(state.nodes[name].node), on_ok=(), on_error=(), dependents=())
