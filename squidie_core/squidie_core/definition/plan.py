"""A definition prepared for execution: every table that a decision looks into, made once and shared by all runs."""

from __future__ import annotations

from squidie_core.dataclass import record
from squidie_core.definition.content import fingerprint, from_text, to_text
from squidie_core.definition.graph import roots
from squidie_core.definition.model import Definition, StepDefinition, Transition


@record(frozen=True, slots=True)
class Route:
    """A transition and its position in the definition."""

    index: int
    transition: Transition


@record(frozen=True, slots=True)
class PlannedStep:
    """One step and what follows from its place in the graph."""

    definition: StepDefinition
    on_ok: tuple[Route, ...]
    """Conditional routes in their order, then the unconditional one."""
    on_error: tuple[Route, ...]
    dependents: tuple[str, ...]
    """The steps whose `after` names this one."""


class Plan:
    """A prepared definition. Immutable; safe to share between threads."""

    __slots__ = ("compensations", "definition", "fingerprint", "roots", "steps", "text", "uses_dependencies")

    def __init__(self, definition: Definition, text: str | None = None) -> None:
        self.definition = definition
        self.text = to_text(definition) if text is None else text
        self.fingerprint = fingerprint(self.text)
        self.uses_dependencies = definition.uses_dependencies
        self.steps = {step.name: _planned(definition, step) for step in definition.steps}
        self.compensations = tuple(step.name for step in definition.steps if step.compensate is not None)
        """The steps that have a callback which undoes them."""
        self.roots = roots(definition)

    @classmethod
    def from_text(cls, text: str) -> Plan:
        """The plan of a stored definition. Raises KeyError, TypeError or ValueError for a text that is none."""
        return cls(from_text(text), text)


def _planned(definition: Definition, step: StepDefinition) -> PlannedStep:
    routes = [Route(i, t) for i, t in enumerate(definition.transitions) if t.source == step.name]
    routes.sort(key=lambda route: route.transition.condition is None)
    return PlannedStep(
        definition=step,
        on_ok=tuple(route for route in routes if route.transition.on == "ok"),
        on_error=tuple(route for route in routes if route.transition.on == "error"),
        dependents=tuple(other.name for other in definition.steps if step.name in other.after),
    )
