"""What a worker holds of one run: its state, its attempts, what they reported, and the append that is on its way."""

from __future__ import annotations

from dataclasses import field

from squidie_core.dataclass import dataclass
from squidie_core.decisions import Draft
from squidie_core.journal.commit import Append, Commit
from squidie_core.runtime.attempts import Attempt, Outcome
from squidie_core.state import RunState


@dataclass(slots=True)
class Write:
    """A decision on its way into the store."""

    draft: Draft
    append: Append
    claimed: list[Attempt]
    reported: list[tuple[Attempt, Outcome]]
    tries: int = 0
    not_before: float = 0.0
    """Monotonic seconds."""

    @property
    def commit(self) -> Commit:
        """The append as a commit of its own, which tells whoever waits for the end that it brings."""
        return Commit((self.append,), self.draft.state.nudges)


@dataclass(slots=True)
class Actor:
    """One run in one worker. At most one append of it is on its way at any time."""

    run_id: str
    state: RunState | None
    """`None`: it must be loaded before the next decision."""
    behind: bool = False
    """Others have written since: what follows the state must be loaded before the next decision."""
    running: dict[str, Attempt] = field(default_factory=dict[str, Attempt])
    reported: list[tuple[Attempt, Outcome]] = field(default_factory=list[tuple[Attempt, Outcome]])
    write: Write | None = None
    chained: int = 0
    chain_started: float = 0.0
    renewals: int = 0
    renew_at: int = 0
    """Store time in milliseconds."""
    losses: int = 0
    """How many appends in a row were refused because others were faster."""
    not_before: float = 0.0
    """When the next decision may be made, in monotonic seconds."""
    nudges: int = 0
    """How many nudges of the run were looked into."""
    batch: int = 1_000
    """How many outcomes one append may hold; 1 once several together were too large."""

    @property
    def idle(self) -> bool:
        """Whether nothing of the run is running or on its way."""
        return not self.running and not self.reported and self.write is None

    def take_back(self, draft: Draft) -> None:
        """The draft has no effect: the state is what it was, or unknown."""
        if not draft.revoke():
            self.state = None

    def hear(self) -> None:
        """Take in that bodies have written to the run themselves."""
        for attempt in self.running.values():
            self._hear(attempt)
        for attempt, _ in self.reported:
            self._hear(attempt)

    def _hear(self, attempt: Attempt) -> None:
        if attempt.has_written:
            attempt.has_written = False
            self.behind = True

    @property
    def put_off_until(self) -> float | None:
        """When what waits to be written or decided may be tried again, in monotonic seconds."""
        if self.write is not None:
            return self.write.not_before
        return self.not_before if self.reported else None

    @property
    def ready(self) -> bool:
        """Whether outcomes wait for a decision."""
        return self.write is None and bool(self.reported)


def loaded(actor: Actor) -> RunState:
    """The actor's state: an engine decides only on what is loaded."""
    assert actor.state is not None, "the engine decides only on loaded actors"  # noqa: S101
    return actor.state
