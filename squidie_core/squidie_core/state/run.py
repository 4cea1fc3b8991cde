"""The state of one run.

Mutable for speed and owned by one actor at a time: only the fold changes it, entry by entry, each in time that does not
grow with the run.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import field
from heapq import heappop, heappush
from typing import Literal

from squidie_core.dataclass import dataclass, record
from squidie_core.journal.commit import NO_HEAD, Head
from squidie_core.journal.entries import Deadline, Decision, DynamicWorkRecorded, GateKind, Json, RunnableKind
from squidie_core.journal.identity import start_digest
from squidie_core.state.dynamic import NodeState
from squidie_core.state.lineage import Children

RunStatus = Literal["new", "running", "paused", "completed", "failed", "cancelled"]
RunnableStatus = Literal["available", "claimed", "paused", "completed", "failed", "applied", "cancelled"]

OVER: frozenset[RunnableStatus] = frozenset({"failed", "applied", "cancelled"})
"""Of a runnable that nothing more becomes of."""

TERMINAL: frozenset[RunStatus] = frozenset({"completed", "failed", "cancelled"})


@dataclass(slots=True)
class RunnableState:
    """One planned execution of a step and what became of it."""

    key: str
    step: str
    kind: RunnableKind
    attempt: int
    visit: int
    input: Mapping[str, Json]
    idempotency_key: str
    visible_at: int
    planned_at: int
    position: int = 0
    """How many runnables of the run were planned before it."""
    previous: str | None = None
    dynamic: str | None = None
    """The action that executes it, where it is a node of dynamic work."""
    status: RunnableStatus = "available"
    claim_id: str | None = None
    owner_id: str | None = None
    lease_until: int = 0
    deliveries: int = 0
    claimed_at: int | None = None
    ended_at: int | None = None
    result: Mapping[str, Json] | None = None
    error: Mapping[str, Json] | None = None
    retry_key: str | None = None
    applied_at: int | None = None
    applied_rev: int = 0
    """The revision at which it was applied."""
    decision: Decision | None = None
    deferred: Json = None
    deadline: Deadline | None = None


@record(frozen=True, slots=True)
class Gate:
    """An open gate: the run waits for a human."""

    runnable_key: str
    step: str
    kind: GateKind
    paused_at: int


@record(frozen=True, slots=True)
class Rollback:
    """A run on its way to its end, which is `status`: callbacks undo what it did."""

    status: Literal["failed", "cancelled"]
    started_at: int
    order: tuple[str, ...]
    """The keys of the runnables that are undone, the first first."""
    begun: int = 0
    """How many of them have a callback planned."""


@record(frozen=True, slots=True)
class Receipt:
    """A command that was received."""

    at: int
    signal: str
    idempotency_key: str | None
    actor: Json
    comment: str | None
    payload: Mapping[str, Json]
    metadata: Mapping[str, Json]
    occurred_at: int | None = None


@record(frozen=True, slots=True)
class Anomaly:
    """An entry that broke a rule of the fold and changed nothing."""

    reason: str
    entry_type: str
    rev: int
    runnable_key: str | None = None
    claim_id: str | None = None


@dataclass(slots=True)
class RunState:
    """Everything that is known about a run at `head`."""

    run_id: str
    head: Head = NO_HEAD
    rev: int = 0
    """The revision of the last folded entry; ahead of `head` while a decision is not yet committed."""
    last_at: int = 0
    status: RunStatus = "new"
    workflow: str = ""
    version: str | None = None
    definition: str = ""
    trigger: str = ""
    queue: str = "default"
    priority: int = 5
    tags: tuple[str, ...] = ()
    input: Mapping[str, Json] = field(default_factory=dict[str, Json])
    schedule: Mapping[str, Json] | None = None
    """What the run's activation by a scheduler was."""
    replayed_from: str | None = None
    on_drift: Literal["continue", "fail"] = "continue"
    payload_digest: str = ""
    started_at: int = 0
    ended_at: int | None = None
    error: Mapping[str, Json] | None = None
    context: dict[str, Json] = field(default_factory=dict[str, Json])
    """The payload, then the outputs in order of application, then gate decisions, later ones over earlier ones."""
    routed_error: Mapping[str, Json] | None = None
    """The failure that the run took an error route for last, until a later result is called `error`."""
    runnables: dict[str, RunnableState] = field(default_factory=dict[str, RunnableState])
    open: dict[str, RunnableState] = field(default_factory=dict[str, RunnableState])
    """The runnables that are not over: neither applied nor failed for good."""
    applied_steps: set[str] = field(default_factory=set[str])
    visits: dict[str, int] = field(default_factory=dict[str, int])
    """How often each step was planned anew, retries and deferrals not counted."""
    routes_taken: dict[int, int] = field(default_factory=dict[int, int])
    gate: Gate | None = None
    dynamic_work: dict[str, DynamicWorkRecorded] = field(default_factory=dict[str, DynamicWorkRecorded])
    """By dynamic key."""
    nodes: dict[str, NodeState] = field(default_factory=dict[str, NodeState])
    """The nodes of all of it, by id."""
    open_actions: dict[str, int] = field(default_factory=dict[str, int])
    """How many open runnables are nodes, by the actions that execute them."""
    rollback: Rollback | None = None
    parent: Mapping[str, Json] | None = None
    """The run, step and key that started this run, where a step of another run did."""
    children: Children = field(default_factory=Children)
    joins: dict[str, int] = field(default_factory=dict[str, int])
    """The completed runnables that wait for their steps' children, and when somebody should look at these."""
    receipts: list[Receipt] = field(default_factory=list[Receipt])
    received: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    """Signal and idempotency key of every receipt that has a key."""
    anomalies: list[Anomaly] = field(default_factory=list[Anomaly])
    folded_bytes: int = 0
    """Length of the entries folded since the last checkpoint."""
    checkpoint_bytes: int = 0
    """Length of the last checkpoint."""
    _ready: list[tuple[int, int, str]] = field(default_factory=list[tuple[int, int, str]])
    _leases: list[tuple[int, str, str]] = field(default_factory=list[tuple[int, str, str]])

    @property
    def terminal(self) -> bool:
        """Whether the run is over."""
        return self.status in TERMINAL

    def adopt(self, runnable: RunnableState) -> None:
        """Take the runnable in as it is."""
        self.runnables[runnable.key] = runnable
        if runnable.status in OVER:
            self.open.pop(runnable.key, None)
            return
        self.open[runnable.key] = runnable
        if runnable.dynamic is not None:
            self.count_action(runnable.dynamic, 1)
        if runnable.status == "available":
            self.make_ready(runnable)
        elif runnable.status == "claimed":
            self.watch_lease(runnable)

    def close(self, runnable: RunnableState) -> None:
        """The runnable is over."""
        if self.open.pop(runnable.key, None) is not None and runnable.dynamic is not None:
            self.count_action(runnable.dynamic, -1)

    def count_action(self, action: str, change: int) -> None:
        """So many more open nodes want the action."""
        count = self.open_actions.get(action, 0) + change
        if count:
            self.open_actions[action] = count
        else:
            del self.open_actions[action]

    @property
    def start_digest(self) -> str:
        """What a repeated start is compared with."""
        return start_digest(self.trigger, self.payload_digest)

    @property
    def nudges(self) -> tuple[str, ...]:
        """The runs that wait for the end of this one, once it has ended."""
        if self.parent is None or not self.parent.get("awaited") or not self.terminal:
            return ()
        return (self.parent["run_id"],)

    def take_receipt(self, receipt: Receipt) -> None:
        """A command was received."""
        self.receipts.append(receipt)
        if receipt.idempotency_key is not None:
            self.received.add((receipt.signal, receipt.idempotency_key))

    def make_ready(self, runnable: RunnableState) -> None:
        """The runnable waits for a worker from its `visible_at` on."""
        heappush(self._ready, (runnable.visible_at, runnable.position, runnable.key))

    def watch_lease(self, runnable: RunnableState) -> None:
        """The runnable's claim ends at its `lease_until` unless it is renewed."""
        heappush(self._leases, (runnable.lease_until, runnable.key, runnable.claim_id or ""))

    def first_ready(self) -> RunnableState | None:
        """The earliest runnable that no one has claimed, whether its time has come or not."""
        while self._ready:
            if self._is_ready(self._ready[0]):
                return self.open[self._ready[0][2]]
            heappop(self._ready)
        return None

    def first_lease(self) -> RunnableState | None:
        """The claimed runnable whose lease ends first."""
        while self._leases:
            if self._is_lease(self._leases[0]):
                return self.open[self._leases[0][1]]
            heappop(self._leases)
        return None

    def _is_ready(self, place: tuple[int, int, str]) -> bool:
        runnable = self.open.get(place[2])
        # A decision that was taken back may have planned it for another time.
        return runnable is not None and runnable.status == "available" and runnable.visible_at == place[0]

    def _is_lease(self, lease: tuple[int, str, str]) -> bool:
        until, key, claim_id = lease
        runnable = self.open.get(key)
        if runnable is None or runnable.status != "claimed":
            return False
        return runnable.claim_id == claim_id and runnable.lease_until == until

    def visible(self, now: int, max_skew: int = 0) -> Generator[RunnableState]:
        """The runnables that may be taken at `now`: lapsed claims, then those that nobody has, each earliest first.

        What becomes visible while somebody goes through them is among them. Costs what is gone through, not what is
        open.
        """
        lapsed: list[tuple[int, str, str]] = []
        ready: list[tuple[int, int, str]] = []
        try:
            while (claimed := self.first_lease()) is not None and claimed.lease_until + max_skew <= now:
                lapsed.append(heappop(self._leases))
                yield claimed
            while (available := self.first_ready()) is not None and available.visible_at <= now:
                ready.append(heappop(self._ready))
                yield available
        finally:
            for lease in lapsed:
                if self._is_lease(lease):
                    heappush(self._leases, lease)
            for place in ready:
                if self._is_ready(place):
                    heappush(self._ready, place)

    def claimed(self) -> list[RunnableState]:
        """The runnables that somebody holds."""
        return [runnable for runnable in self.open.values() if runnable.status == "claimed"]

    def wake_at(self, max_skew: int = 0) -> int | None:
        """When a worker should look at the run next; `None`: not before somebody writes to it.

        That is when `visible` gives something: a lease is left alone so much longer as clocks may be apart.
        """
        if self.status in TERMINAL:
            return None
        ready, lease = self.first_ready(), self.first_lease()
        at = None if ready is None else ready.visible_at
        if lease is not None and (at is None or lease.lease_until + max_skew < at):
            at = lease.lease_until + max_skew
        if self.joins:
            join = min(self.joins.values())
            at = join if at is None else min(at, join)
        return at
