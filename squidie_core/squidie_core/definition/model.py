"""The definition of a workflow as data. Durations are integer milliseconds, values are plain JSON."""

from __future__ import annotations

from typing import Any, Literal

from squidie_core.dataclass import record

END = "__complete__"
"""The target of a transition that ends the run."""

StepKind = Literal["run", "wait", "log", "pause", "approval"]
StepOutcome = Literal["ok", "error"]
Operator = Literal["equals", "greater_than", "less_than"]
Recovery = Literal["compensation", "undo"]
LogLevel = Literal["debug", "info", "warning", "error"]
Drift = Literal["continue", "fail"]
DefinitionChoice = Literal["original", "current"]
"""By which definition a run is replayed: the one that it went by, or today's."""
Overlap = Literal["return_existing_run", "skip_duplicate"]


@record(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """After failed attempt n of `max_attempts`, wait `min(min * factor ** (n - 1), max)`, less up to half by jitter."""

    max_attempts: int
    min: int = 0
    max: int = 0
    factor: float = 2.0
    jitter: bool = True
    retry_on: tuple[str, ...] = ()
    """Qualified names of the exceptions that are retried; empty: all."""
    give_up_on: tuple[str, ...] = ()
    """Qualified names of the exceptions that are final."""


@record(frozen=True, slots=True, kw_only=True)
class DeadlinePolicy:
    """How long a step or gate should take before somebody ought to look."""

    within: int
    due_soon: int = 0
    escalate_after: int | None = None
    escalation: str = "diagnostic"


@record(frozen=True, slots=True, kw_only=True)
class Condition:
    """A comparison of the value at `path` in the run's context with `value` (plain JSON, as stored)."""

    path: tuple[str, ...]
    operator: Operator
    value: Any


@record(frozen=True, slots=True, kw_only=True)
class Transition:
    """Where the run goes after `source` ended with `on`."""

    source: str
    on: StepOutcome
    target: str
    condition: Condition | None = None
    recovery: Recovery | None = None
    max_visits: int | None = None


@record(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A value that the step's body takes from the run's context by name."""

    name: str
    required: bool = True


@record(frozen=True, slots=True, kw_only=True)
class InputPath:
    """One entry of `input={target: "nested.path"}`."""

    target: str
    path: tuple[str, ...]


@record(frozen=True, slots=True, kw_only=True)
class StepDefinition:
    """One step. Fields that a kind does not use keep their defaults."""

    name: str
    kind: StepKind = "run"
    parameters: tuple[Parameter, ...] | None = ()
    """What the body takes by name; `None`: the whole context."""
    input: tuple[InputPath, ...] = ()
    """Explicit mapping; what it does not name is taken by name from the context."""
    output: str | None = None
    after: tuple[str, ...] = ()
    retry: RetryPolicy | None = None
    deadline: DeadlinePolicy | None = None
    timeout: int | None = None
    irreversible: bool = False
    compensatable: bool = True
    compensate: str | None = None
    """Qualified name of the compensation callback."""
    compensate_retry: RetryPolicy | None = None
    transaction: bool = False
    await_children: bool = False
    """The step is applied when the runs that it started have ended."""
    max_deliveries: int = 5
    duration: int | None = None
    message: str | None = None
    level: LogLevel | None = None


@record(frozen=True, slots=True, kw_only=True)
class PayloadField:
    """One field of a trigger's payload: its name, the text of its type, whether a start must give it."""

    name: str
    type: str = "any"
    required: bool = True


@record(frozen=True, slots=True, kw_only=True)
class TriggerDefinition:
    """One way to start the workflow."""

    name: str
    kind: Literal["manual", "cron"] = "manual"
    payload: tuple[PayloadField, ...] = ()
    expression: str | None = None
    timezone: str | None = None
    idempotency: Overlap | None = None


@record(frozen=True, slots=True, kw_only=True)
class Definition:
    """A whole workflow. Equal definitions have equal fingerprints, whoever built them."""

    name: str
    version: str | None = None
    queue: str | None = None
    on_drift: Drift = "continue"
    triggers: tuple[TriggerDefinition, ...] = ()
    steps: tuple[StepDefinition, ...] = ()
    transitions: tuple[Transition, ...] = ()

    @property
    def uses_dependencies(self) -> bool:
        """Whether `after=` alone orders the steps: the run ends when all of them are applied."""
        return not self.transitions
