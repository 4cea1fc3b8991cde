"""A decision in the making."""

from __future__ import annotations

from squidie_core.definition.plan import Plan, PlannedStep
from squidie_core.journal.entries import Entry
from squidie_core.state.fold import apply
from squidie_core.state.run import RunState


class Draft:
    """Entries that are decided but not yet committed.

    Each is folded into the state at once, so that what is decided next sees it. Where the commit is then refused, the
    state is thrown away with the draft.
    """

    __slots__ = ("at", "entries", "plan", "state")

    def __init__(self, state: RunState, plan: Plan, now: int) -> None:
        self.state = state
        self.plan = plan
        self.at = max(now, state.last_at)
        """The time of everything that is decided here: within a thread it never goes back."""
        self.entries: list[Entry] = []

    def emit(self, entry: Entry) -> None:
        """Add a fact."""
        self.entries.append(entry)
        apply(self.state, entry)

    def step(self, name: str) -> PlannedStep:
        """The step of the definition that the run is pinned to."""
        return self.plan.steps[name]
