"""Problems of a definition, headed by what they are about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field

from squidie_core.dataclass import dataclass, record
from squidie_core.definition.model import END, Transition
from squidie_core.errors import Problem, near


@record(frozen=True, slots=True)
class Sources:
    """Where the parts of a definition were declared, as `file:line`; parts may be missing."""

    label: str = ""
    """What problems call the workflow; by default its name."""
    workflow: str = ""
    triggers: Mapping[str, str] = field(default_factory=dict[str, str])
    steps: Mapping[str, str] = field(default_factory=dict[str, str])
    transitions: Sequence[str] = ()
    """In the definition's order."""


@dataclass(slots=True)
class Findings:
    """Collects problems."""

    workflow: str
    sources: Sources
    problems: list[Problem] = field(default_factory=list[Problem])

    def whole(self, code: str, message: str, hint: str = "") -> None:
        """Note a problem of the whole workflow."""
        self._note(code, f"workflow {self.workflow}", message, hint, self.sources.workflow)

    def trigger(self, name: str, code: str, message: str, hint: str = "") -> None:
        """Note a problem of a trigger."""
        self._note(code, f"trigger {name!r}", message, hint, self.sources.triggers.get(name, ""))

    def step(self, name: str, code: str, message: str, hint: str = "") -> None:
        """Note a problem of a step."""
        self._note(code, f"step {name!r}", message, hint, self.sources.steps.get(name, ""))

    def transition(self, index: int, transition: Transition, code: str, message: str, hint: str = "") -> None:
        """Note a problem of the transition at this position."""
        source = self.sources.transitions[index] if index < len(self.sources.transitions) else ""
        self._note(code, transition_place(transition), message, hint, source)

    def _note(self, code: str, place: str, message: str, hint: str, source: str) -> None:
        self.problems.append(Problem(code=code, place=place, message=message, hint=hint, source=source))


def transition_place(transition: Transition) -> str:
    """What problems of this transition are headed by."""
    return f"transition {transition.source}.{transition.on} -> {target_name(transition)}"


def target_name(transition: Transition) -> str:
    """The target as people write it."""
    return "end" if transition.target == END else transition.target


def did_you_mean(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """Ask whether a similar name was meant."""
    meant = near(word, known)
    return otherwise if meant is None else f"did you mean {meant!r}?"
