"""What a worker holds of one run: its state, its attempts, what they reported, and the append that is on its way."""

from __future__ import annotations

from dataclasses import dataclass, field

from squidie_core.journal.commit import Append, Commit
from squidie_core.runtime.attempts import Attempt, Outcome
from squidie_core.runtime.catalog import Catalog
from squidie_core.state import RunnableState, RunState


@dataclass(slots=True)
class Write:
    """A decision on its way into the store."""

    append: Append
    claimed: list[Attempt]
    reported: list[tuple[Attempt, Outcome]]
    tries: int = 0
    not_before: float = 0.0
    """Monotonic seconds."""

    @property
    def commit(self) -> Commit:
        """The append as a commit of its own."""
        return Commit((self.append,))


@dataclass(slots=True)
class Actor:
    """One run in one worker. At most one append of it is on its way at any time."""

    run_id: str
    state: RunState | None
    """`None`: it must be loaded before the next decision."""
    running: dict[str, Attempt] = field(default_factory=dict[str, Attempt])
    reported: list[tuple[Attempt, Outcome]] = field(default_factory=list[tuple[Attempt, Outcome]])
    write: Write | None = None
    chained: int = 0
    chain_started: float = 0.0
    renewals: int = 0
    renew_at: int = 0
    """Store time in milliseconds."""
    batch: int = 1_000
    """How many outcomes one append may hold; 1 once several together were too large."""

    @property
    def idle(self) -> bool:
        """Whether nothing of the run is running or on its way."""
        return not self.running and not self.reported and self.write is None


class Slots:
    """How many bodies may still be taken on, in threads and as coroutines, and which this process has."""

    __slots__ = ("_catalog", "coroutines", "lacks_code", "threads")

    def __init__(self, catalog: Catalog, threads: int, coroutines: int) -> None:
        self._catalog = catalog
        self.threads = threads
        self.coroutines = coroutines
        self.lacks_code = False
        """A runnable was refused because this process has no code for its step."""

    @property
    def free(self) -> int:
        """How many slots there are, of either kind."""
        return self.threads + self.coroutines

    def admit(self, workflow: str, runnable: RunnableState) -> bool:
        """Take a slot for the runnable, if there is one and this process has the body."""
        is_async = False
        if runnable.kind == "run":
            body = self._catalog.body(workflow, runnable.step)
            if body is None:
                self.lacks_code = True
                return False
            is_async = body.is_async
        if is_async and self.coroutines > 0:
            self.coroutines -= 1
            return True
        if not is_async and self.threads > 0:
            self.threads -= 1
            return True
        return False
