"""Policies of a step: how it is retried, and when it is late. Values are checked where a workflow uses them."""

from __future__ import annotations

from typing import Literal, TypeAlias

from squidie_core.authoring.durations import Duration
from squidie_core.dataclass import dataclass

Escalation: TypeAlias = Literal["diagnostic", "operator_action", "workflow_step", "host_callback"]
"""What an escalated deadline asks for."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """The pause after failed attempt n: `min(min * factor ** (n - 1), max)`, less up to half of it by jitter."""

    min: Duration = 1
    max: Duration = 300
    factor: float = 2
    jitter: bool = True


@dataclass(frozen=True, slots=True)
class Retry:
    """How often a failing step is attempted, first attempt included, and which exceptions count.

    `retry_on` names the exceptions that are retried (empty: all), `give_up_on` those that are final whatever
    `retry_on` says. Subclasses count as their bases. `backoff=None` retries at once.
    """

    attempts: int = 3
    backoff: Backoff | None = Backoff()
    retry_on: tuple[type[Exception], ...] = ()
    give_up_on: tuple[type[Exception], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """How long a step or a gate should take before somebody ought to look. It never changes what is executed.

    Due `within` after the step may start; announced `due_soon` before that; escalated `escalate_after` past it.
    """

    within: Duration
    due_soon: Duration = 0
    escalate_after: Duration | None = None
    escalation: Escalation = "diagnostic"
