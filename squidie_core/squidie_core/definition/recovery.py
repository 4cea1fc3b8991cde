"""What may be done about a step once its effect is in the world: to its run, and to another run like it."""

from __future__ import annotations

from typing import Literal

from squidie_core.dataclass import record
from squidie_core.definition.model import StepDefinition

ReplayPolicy = Literal["allowed", "manual_review_required"]
RecoveryKind = Literal["automatic", "manual_intervention"]


@record(frozen=True, slots=True, kw_only=True)
class RecoveryPolicy:
    """Whether a run in which the step has completed may be replayed, and whether its effect can be undone."""

    irreversible: bool
    compensatable: bool
    replay: ReplayPolicy
    recovery: RecoveryKind
    compensate: str | None = None
    """The qualified name of the callback that undoes the step."""


def recovery_policy(step: StepDefinition) -> RecoveryPolicy:
    """The policy that a step's markers mean: what cannot be undone must not be repeated without a look at it."""
    safe = step.compensatable and not step.irreversible
    return RecoveryPolicy(
        irreversible=step.irreversible,
        compensatable=safe,
        replay="allowed" if safe else "manual_review_required",
        recovery="automatic" if safe else "manual_intervention",
        compensate=step.compensate,
    )
