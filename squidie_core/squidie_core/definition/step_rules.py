"""Rules that hold for each step by itself."""

from __future__ import annotations

import math
import re
from typing import get_args

from squidie_core.definition.findings import Findings, did_you_mean
from squidie_core.definition.model import DeadlinePolicy, LogLevel, RetryPolicy, StepDefinition

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*\Z")
"""Names of workflows, steps, triggers and queues: parts of keys and thread names."""

NAME_RULE = "letters, digits, '_', '.' and '-', beginning with a letter or digit"
RESERVED = ("error", "parent", "schedule")
"""Names in a run's context that are Squidie's own."""

_OUTPUT = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*\Z")
_LEVELS = get_args(LogLevel)
_ESCALATIONS = ("diagnostic", "operator_action", "workflow_step", "host_callback")


def check_step(found: Findings, step: StepDefinition) -> None:
    """Check one step."""
    if not NAME.match(step.name):
        found.step(step.name, "invalid_step_name", f"a step's name is {NAME_RULE}", 'step(..., name="pack")')
    _check_data(found, step)
    _check_kind(found, step)
    _check_recovery(found, step)
    _check_retry(found, step, step.retry, "retry=")
    _check_retry(found, step, step.compensate_retry, "compensate_retry=")
    if step.deadline is not None:
        _check_deadline(found, step.name, step.deadline)
    if step.timeout is not None and step.timeout <= 0:
        found.step(step.name, "invalid_step_timeout", "timeout= must be above 0", "timeout=30")
    if step.max_deliveries < 1:
        message = "max_deliveries= must be at least 1"
        found.step(step.name, "invalid_max_deliveries", message, "max_deliveries=5")


def _check_data(found: Findings, step: StepDefinition) -> None:
    code = "invalid_step_input_mapping"
    names = None if step.parameters is None else [item.name for item in step.parameters]
    targets: set[str] = set()
    for item in step.input:
        if not item.target or not item.path or not all(item.path):
            message = f"input= has a path with an empty part for {item.target!r}"
            found.step(step.name, code, message, f'input={{"{item.target or "parameter"}": "path.in.context"}}')
        elif item.target in targets:
            found.step(step.name, code, f"input= names {item.target!r} twice")
        elif names is not None and item.target not in names:
            otherwise = f"it takes {', '.join(names)}" if names else f"def {step.name}({item.target}): ..."
            message = f"input= gives {item.target!r}, which the body does not take"
            found.step(step.name, "unknown_input_target", message, did_you_mean(item.target, names, otherwise))
        targets.add(item.target)
    if step.output is None:
        return
    if step.output in RESERVED:
        message = f"output={step.output!r} is Squidie's own name in the context"
        found.step(step.name, "reserved_name", message, f'output="{step.name}_{step.output}"')
    elif not _OUTPUT.match(step.output):
        message = "output= is one name: letters, digits, '_' and '-', beginning with a letter"
        found.step(step.name, "invalid_step_output_mapping", message, f'output="{step.name}"')


def _check_kind(found: Findings, step: StepDefinition) -> None:
    if step.kind != "run":
        if step.transaction:
            message = f"a {step.kind} has nothing to do in a transaction"
            found.step(step.name, "built_in_step_transaction", message, "leave transaction= out")
        if step.await_children:
            message = f"a {step.kind} starts no children to wait for"
            found.step(step.name, "invalid_step_await_children", message, "leave await_children= out")
        if step.retry is not None:
            message = f"a {step.kind} cannot fail, so there is nothing to retry"
            found.step(step.name, "invalid_step_retry_opts", message, "leave retry= out")
    if step.kind == "wait" and (step.duration is None or step.duration <= 0):
        message = "a wait's duration must be above 0"
        found.step(step.name, "invalid_wait_duration", message, "step.wait(timedelta(hours=1))")
    if step.kind == "log":
        if not step.message:
            found.step(step.name, "invalid_log_message", "a log needs a message", 'step.log("packed")')
        if step.level not in _LEVELS:
            message = f"level= is one of {', '.join(_LEVELS)}"
            hint = did_you_mean(str(step.level), _LEVELS, 'level="info"')
            found.step(step.name, "invalid_log_level", message, hint)


def _check_recovery(found: Findings, step: StepDefinition) -> None:
    if step.compensate is None:
        return
    if step.kind != "run":
        message = f"a {step.kind} has no effect to compensate"
        found.step(step.name, "invalid_step_compensate_callback", message, "leave compensate= out")
    elif step.irreversible:
        message = "an irreversible step cannot be compensated"
        found.step(step.name, "conflicting_step_compensation", message, "leave irreversible= or compensate= out")
    elif not step.compensatable:
        message = "compensatable=False says that nothing compensates it"
        found.step(step.name, "conflicting_step_compensation", message, "leave compensatable= or compensate= out")


def _check_retry(found: Findings, step: StepDefinition, retry: RetryPolicy | None, option: str) -> None:
    if retry is None:
        return
    if retry.max_attempts < 1:
        message = f"{option} must allow at least 1 attempt"
        found.step(step.name, "invalid_step_retry_max_attempts", message, f"{option}Retry(3)")
    problem = ""
    if retry.min < 0 or retry.max < 0:
        problem = "min and max must not be negative"
    elif (retry.min == 0) != (retry.max == 0):
        problem = "min and max must both be above 0; Retry(n, backoff=None) retries at once"
    elif retry.min > retry.max:
        problem = "min is above max"
    elif not math.isfinite(retry.factor) or retry.factor < 1:
        problem = "factor must be at least 1"
    if problem:
        code = "invalid_step_retry_backoff"
        found.step(step.name, code, f"{option} {problem}", f"{option}Retry(3, Backoff(min=1, max=30))")


def _check_deadline(found: Findings, name: str, deadline: DeadlinePolicy) -> None:
    problem = ""
    if deadline.within <= 0:
        problem = "within must be above 0"
    elif not 0 <= deadline.due_soon < deadline.within:
        problem = "due_soon must be less than within"
    elif deadline.escalate_after is not None and deadline.escalate_after < 0:
        problem = "escalate_after must not be negative"
    elif deadline.escalation not in _ESCALATIONS:
        problem = f"escalation is one of {', '.join(_ESCALATIONS)}"
    if problem:
        hint = "deadline=Deadline(within=300, due_soon=60)"
        found.step(name, "invalid_deadline", f"deadline= {problem}", hint)
