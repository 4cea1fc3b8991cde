"""A decision in the making."""

from __future__ import annotations

from squidie_core.definition.plan import Plan, PlannedStep
from squidie_core.journal.entries import Entry
from squidie_core.state.fold import apply
from squidie_core.state.run import RunState
from squidie_core.state.undo import Undo

REVOCABLE_FROM = 64
"""Drafts on states of fewer entries are not revoked: those are loaded again as fast."""


class Draft:
    """Entries that are decided but not yet committed.

    Each is folded into the state at once, so that what is decided next sees it. Where the commit is then refused, the
    state is thrown away with the draft, or the draft is revoked: that is cheaper where much was folded before.
    """

    __slots__ = ("_undo", "at", "entries", "plan", "state")

    def __init__(self, state: RunState, plan: Plan, now: int) -> None:
        self.state = state
        self._undo = Undo(state) if state.rev >= REVOCABLE_FROM else None
        self.plan = plan
        self.at = max(now, state.last_at)
        """The time of everything that is decided here: within a thread it never goes back."""
        self.entries: list[Entry] = []

    def emit(self, entry: Entry) -> None:
        """Add a fact."""
        self.entries.append(entry)
        if self._undo is not None:
            self._undo.before(entry)
        apply(self.state, entry)

    def revoke(self) -> bool:
        """Make the state again what it was before the draft; False where that is not known any more."""
        if self._undo is None:
            return not self.entries
        self._undo.take_back()
        return True

    def step(self, name: str) -> PlannedStep:
        """The step of the definition that the run is pinned to, or the node of dynamic work, which is like one."""
        found = self.plan.steps.get(name)
        return self.state.nodes[name].step if found is None else found
