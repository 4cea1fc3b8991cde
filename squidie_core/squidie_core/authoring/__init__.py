"""What a workflow author writes."""

from squidie_core.authoring.bodies import Body, handle_type
from squidie_core.authoring.child_runs import ChildKeywords, ChildRun
from squidie_core.authoring.compile import CompiledWorkflow, compiled, definition_of
from squidie_core.authoring.conditions import When, where
from squidie_core.authoring.context import (
    Flag,
    MissingResourceError,
    NoTransactionError,
    Resource,
    StepContext,
    Transaction,
)
from squidie_core.authoring.contracts import AnnotationWarning, ContractError, Violation, as_is, converter
from squidie_core.authoring.durations import Duration, milliseconds
from squidie_core.authoring.factory import step
from squidie_core.authoring.mistakes import DeclarationError
from squidie_core.authoring.outcomes import Defer, FailStep, RetryStep
from squidie_core.authoring.payloads import Accepted, PayloadContract
from squidie_core.authoring.policies import Backoff, Deadline, Retry
from squidie_core.authoring.steps import AnyStep, Outcome, Step, Transition, end, sequence
from squidie_core.authoring.triggers import Trigger, Window, trigger
from squidie_core.authoring.workflow import Workflow

__all__ = [
    "Accepted",
    "AnnotationWarning",
    "AnyStep",
    "Backoff",
    "Body",
    "ChildKeywords",
    "ChildRun",
    "CompiledWorkflow",
    "ContractError",
    "Deadline",
    "DeclarationError",
    "Defer",
    "Duration",
    "FailStep",
    "Flag",
    "MissingResourceError",
    "NoTransactionError",
    "Outcome",
    "PayloadContract",
    "Resource",
    "Retry",
    "RetryStep",
    "Step",
    "StepContext",
    "Transaction",
    "Transition",
    "Trigger",
    "Violation",
    "When",
    "Window",
    "Workflow",
    "as_is",
    "compiled",
    "converter",
    "definition_of",
    "end",
    "handle_type",
    "milliseconds",
    "sequence",
    "step",
    "trigger",
    "where",
]
