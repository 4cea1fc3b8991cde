"""The typed entries of a run's thread: every fact about a run is one of these.

`at` is the time of the fact in integer milliseconds since the epoch, by the store's clock; it never goes back within a
thread. Values given by users (`input`, `result`, `payload`, `metadata`, ...) are plain JSON as `journal.values` encodes
them. The class attribute `TYPE` is the durable name of the kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any, ClassVar, Literal, TypeAlias

from squidie_core.dataclass import record
from squidie_core.journal.dynamic import WorkEdge, WorkNode, WorkOrigin

Json: TypeAlias = Any
"""Plain JSON: None, bool, int, float, str, list, and dict with string keys."""

Signal: TypeAlias = Literal[
    "start_run", "start_cron", "resume_run", "approve_run", "reject_run", "cancel_run", "replay_run"
]
RunnableKind: TypeAlias = Literal["run", "wait", "log", "pause", "approval", "compensation"]
GateKind: TypeAlias = Literal["pause", "approval"]
GateAction: TypeAlias = Literal["resumed", "approved", "rejected"]
WorkStatus: TypeAlias = Literal["recorded", "scheduled"]
TerminalStatus: TypeAlias = Literal["completed", "failed", "cancelled"]
ChildStatus: TypeAlias = Literal["completed", "failed", "cancelled", "quarantined", "lost"]
"""`quarantined`: its journal cannot be read; `lost`: there is no such run."""


@record(frozen=True, slots=True)
class Deadline:
    """When one execution of a step is late, in times as `at` is. Evidence: it changes nothing about what is executed.

    `due_soon_at` and `escalated_at` are `None` where the step's policy has no such time.
    """

    started_at: int
    due_at: int
    due_soon_at: int | None = None
    escalated_at: int | None = None
    escalation: str = "diagnostic"
    """What the policy asks of the host."""


@record(frozen=True, slots=True)
class Runnable:
    """One planned execution of a step.

    `key` is `<run_id>:<step>:<attempt>` (a later visit of a loop: `<run_id>:<step>#<visit>:<attempt>`). A retry keeps
    the idempotency key and the input of the first attempt; `input` is `None` there and the fold copies it.
    """

    key: str
    step: str
    visible_at: int
    kind: RunnableKind = "run"
    attempt: int = 1
    visit: int = 1
    input: Mapping[str, Json] | None = None
    idempotency_key: str | None = None
    """`None`: the key itself."""
    previous: str | None = None
    """The key of the runnable that this one retries, continues or undoes."""
    deadline: Deadline | None = None
    """A retry has one of its own, a continuation that of what it continues; a gate gets its own when it opens."""
    dynamic: str | None = None
    """The action that executes it, where it is a node of dynamic work; `step` is the node's id then."""


@record(frozen=True, slots=True)
class Decision:
    """The transition that a step's end selected, as it stood in the definition."""

    source: str
    on: Literal["ok", "error"]
    target: str
    index: int
    """The transition's position in the definition."""
    recovery: str | None = None


@record(frozen=True, slots=True)
class RunSignalReceived:
    """Somebody asked for something. Stands in the same commit as its effect."""

    TYPE: ClassVar = "run_signal_received"
    at: int
    signal: Signal
    payload: Mapping[str, Json] = field(default_factory=dict[str, Json])
    metadata: Mapping[str, Json] = field(default_factory=dict[str, Json])
    idempotency_key: str | None = None
    actor: Json = None
    comment: str | None = None
    occurred_at: int | None = None
    """When it was asked for, by the clock of who asked, where that was said."""


@record(frozen=True, slots=True)
class RunStarted:
    """The run exists; `definition` is the fingerprint that it is pinned to."""

    TYPE: ClassVar = "run_started"
    at: int
    run_id: str
    workflow: str
    trigger: str
    input: Mapping[str, Json]
    definition: str
    queue: str
    priority: int
    payload_digest: str
    version: str | None = None
    """The workflow's version label."""
    tags: tuple[str, ...] = ()
    context: Mapping[str, Json] = field(default_factory=dict[str, Json])
    replayed_from: str | None = None
    """The run whose trigger and payload these are."""
    on_drift: Literal["continue", "fail"] = "continue"
    """What becomes of the run where a worker has another definition of its workflow."""


@record(frozen=True, slots=True)
class RunnablesPlanned:
    """These are to be executed, each from its `visible_at` on."""

    TYPE: ClassVar = "runnables_planned"
    at: int
    runnables: tuple[Runnable, ...]


@record(frozen=True, slots=True)
class AttemptClaimed:
    """`owner_id` executes the runnable until `lease_until`; `claim_id` fences everything it reports."""

    TYPE: ClassVar = "attempt_claimed"
    at: int
    runnable_key: str
    claim_id: str
    owner_id: str
    lease_until: int


@record(frozen=True, slots=True)
class AttemptHeartbeat:
    """The owner is alive: all these claims of `claim_id` by runnable key now last until `lease_until`."""

    TYPE: ClassVar = "attempt_heartbeat"
    at: int
    claims: Mapping[str, str]
    lease_until: int


@record(frozen=True, slots=True)
class AttemptReleased:
    """The owner gives the claim back. This delivery does not count, unless the body was run and its outcome is lost."""

    TYPE: ClassVar = "attempt_released"
    at: int
    runnable_key: str
    claim_id: str
    counts: bool = False


@record(frozen=True, slots=True)
class AttemptCompleted:
    """The body returned. `result` is what it returned, already under the step's output key.

    `claim_id` is `None` where the runtime completed the attempt itself, such as a wait that is over.
    """

    TYPE: ClassVar = "attempt_completed"
    at: int
    runnable_key: str
    claim_id: str | None
    result: Mapping[str, Json]


@record(frozen=True, slots=True)
class AttemptFailed:
    """The body failed; `claim_id` is `None` where the runtime gave the attempt up itself."""

    TYPE: ClassVar = "attempt_failed"
    at: int
    runnable_key: str
    claim_id: str | None
    error: Mapping[str, Json]
    retry_key: str | None = None
    """The runnable that retries it, planned in the same commit."""


@record(frozen=True, slots=True)
class RunnableApplied:
    """The runnable's outcome has taken effect: its result is in the context and the run has moved on."""

    TYPE: ClassVar = "runnable_applied"
    at: int
    runnable_key: str
    decision: Decision | None = None
    deferred: Json = None
    """Why the same step goes on later, where it was deferred."""
    children: str | None = None
    """The output name beside whose value the results of awaited children stand; `""`: the context itself."""


@record(frozen=True, slots=True)
class ChildRunStarted:
    """The runnable's body started this run, whose first append stands in the same commit."""

    TYPE: ClassVar = "child_run_started"
    at: int
    runnable_key: str
    child_run_id: str
    child_workflow: str
    child_trigger: str
    child_key: str
    payload_digest: str
    """What a repeated start is compared with."""
    metadata: Mapping[str, Json] = field(default_factory=dict[str, Json])


@record(frozen=True, slots=True)
class ChildRunEnded:
    """The run, whose step awaits the child, has learned how it ended. `output`: what its steps added to its context."""

    TYPE: ClassVar = "child_run_ended"
    at: int
    step: str
    child_key: str
    child_run_id: str
    status: ChildStatus
    output: Mapping[str, Json] | None = None
    error: Mapping[str, Json] | None = None


@record(frozen=True, slots=True)
class ChildrenAwaited:
    """The runnable has completed and is applied when its step's children have ended.

    They tell when they end; should that be lost, somebody looks at `look_at`.
    """

    TYPE: ClassVar = "children_awaited"
    at: int
    runnable_key: str
    look_at: int


@record(frozen=True, slots=True)
class ManualStepPaused:
    """A gate is open: the run waits for a human."""

    TYPE: ClassVar = "manual_step_paused"
    at: int
    runnable_key: str
    step: str
    kind: GateKind
    deadline: Deadline | None = None


@record(frozen=True, slots=True)
class ManualStepResolved:
    """A human decided."""

    TYPE: ClassVar = "manual_step_resolved"
    at: int
    runnable_key: str
    step: str
    action: GateAction
    result: Mapping[str, Json]


@record(frozen=True, slots=True)
class DynamicWorkRecorded:
    """What came out of a step at run time: nodes, and what leads to what.

    Recorded nodes are evidence alone. Scheduled ones are executed, each once all that lead to it are applied; its input
    is its own with their results under their ids.
    """

    TYPE: ClassVar = "dynamic_work_recorded"
    at: int
    dynamic_key: str
    origin: WorkOrigin
    nodes: tuple[WorkNode, ...]
    edges: tuple[WorkEdge, ...]
    status: WorkStatus = "recorded"
    metadata: Mapping[str, Json] = field(default_factory=dict[str, Json])
    reason: str | None = None


@record(frozen=True, slots=True)
class CompensationStarted:
    """The run will end with `status`, once the callbacks of these steps have undone what it did. Nothing else goes on.

    They are called one after the other, the step that was applied last comes first.
    """

    TYPE: ClassVar = "compensation_started"
    at: int
    status: Literal["failed", "cancelled"]
    steps: tuple[str, ...]
    error: Mapping[str, Json] | None = None
    """The failure that the run ends with."""


@record(frozen=True, slots=True)
class RunTerminal:
    """The end. Nothing after it changes the run."""

    TYPE: ClassVar = "run_terminal"
    at: int
    status: TerminalStatus
    error: Mapping[str, Json] | None = None


Entry: TypeAlias = (
    RunSignalReceived
    | RunStarted
    | RunnablesPlanned
    | AttemptClaimed
    | AttemptHeartbeat
    | AttemptReleased
    | AttemptCompleted
    | AttemptFailed
    | RunnableApplied
    | ChildRunStarted
    | ChildRunEnded
    | ChildrenAwaited
    | ManualStepPaused
    | ManualStepResolved
    | DynamicWorkRecorded
    | CompensationStarted
    | RunTerminal
)

ENTRY_CLASSES: tuple[type[Entry], ...] = (
    RunSignalReceived,
    RunStarted,
    RunnablesPlanned,
    AttemptClaimed,
    AttemptHeartbeat,
    AttemptReleased,
    AttemptCompleted,
    AttemptFailed,
    RunnableApplied,
    ChildRunStarted,
    ChildRunEnded,
    ChildrenAwaited,
    ManualStepPaused,
    ManualStepResolved,
    DynamicWorkRecorded,
    CompensationStarted,
    RunTerminal,
)
