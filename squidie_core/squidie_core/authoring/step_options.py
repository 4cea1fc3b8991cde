"""A step's options as its definition keeps them, checked for what only Python objects can get wrong."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, cast

from squidie_core.authoring.bodies import parameters_of
from squidie_core.authoring.collecting import Declaration
from squidie_core.authoring.durations import milliseconds
from squidie_core.authoring.policies import Backoff, Deadline, Retry
from squidie_core.authoring.report import Report
from squidie_core.authoring.signatures import Signature
from squidie_core.authoring.steps import AnyStep, End, Step, qualified_name
from squidie_core.definition import model

T = TypeVar("T")


def name_of(declared: Declaration, target: AnyStep | End) -> str:
    """The step's name in this workflow; for a step that is not bound here, a text that is no name."""
    if isinstance(target, End):
        return model.END
    return declared.step_names.get(id(target)) or repr(target)


def path_of(path: Any) -> tuple[str, ...]:
    """The segments of a dotted path; what is no path keeps an empty segment, which validation refuses."""
    return tuple(path.split(".")) if isinstance(path, str) else ("",)


def retry_of(value: Any) -> Retry | None:
    """The policy that `retry=` means. Raises ValueError."""
    if value is None or isinstance(value, Retry):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return Retry(value)
    raise ValueError(f"must be a Retry or a number of attempts, is a {type(value).__name__}")


class StepBuilder:
    """One step's options, checked for what only Python objects can get wrong."""

    def __init__(self, declared: Declaration, report: Report, name: str, step: AnyStep) -> None:
        self.declared = declared
        self.report = report
        self.step = step
        self.name = name
        self.place = f"step {name!r}"

    def build(self, read: Signature | None) -> model.StepDefinition:
        """The step's definition; what is wrong in it goes to the report and gets its default."""
        options = self.step.options
        retry = self._retry(options.retry, "retry=")
        compensate, compensate_retry = self._compensation()
        irreversible, compensatable = self._markers()
        max_deliveries = self._typed(
            options.max_deliveries, int, "invalid_max_deliveries", "max_deliveries=", "max_deliveries=5"
        )
        return model.StepDefinition(
            name=self.name,
            kind=self.step.kind,
            parameters=() if read is None else parameters_of(read),
            input=self._input(options.input),
            output=self._typed(options.output, str, "invalid_step_output_mapping", "output=", 'output="provisions"'),
            after=self._after(options.after),
            retry=retry,
            deadline=self._deadline(options.deadline),
            timeout=self._duration(options.timeout, "invalid_step_timeout", "timeout=", "timeout=30"),
            irreversible=irreversible,
            compensatable=not irreversible if compensatable is None else compensatable,
            compensate=compensate,
            compensate_retry=compensate_retry,
            transaction=bool(self._flag(options.transaction, "transaction=", "invalid_step_transaction_boundary")),
            await_children=bool(self._flag(options.await_children, "await_children=", "invalid_step_await_children")),
            max_deliveries=5 if max_deliveries is None else max_deliveries,
            duration=self._duration(
                options.duration, "invalid_wait_duration", "the duration", "step.wait(timedelta(hours=1))"
            ),
            message=self._typed(options.message, str, "invalid_log_message", "the message", 'step.log("packed")'),
            level=self._typed(options.level, str, "invalid_log_level", "level=", 'level="info"'),
        )

    def _add(self, code: str, message: str, hint: str = "") -> None:
        self.report.add(code, self.place, message, hint, self.step.source)

    def _typed(self, value: Any, kind: type[T], code: str, what: str, hint: str) -> Any:
        """The value if it is of this kind; T itself is not returned, for the model narrows it further."""
        if value is None or (isinstance(value, kind) and not isinstance(value, bool)):
            return value
        self._add(code, f"{what} is a {type(value).__name__}, not {kind.__name__}", hint)
        return None

    def _flag(self, value: Any, what: str, code: str) -> bool | None:
        """The value if it is a bool or None."""
        if value is None or isinstance(value, bool):
            return value
        self._add(code, f"{what} is a {type(value).__name__}, not True or False", f"{what}True")
        return None

    def _markers(self) -> tuple[bool, bool | None]:
        """`irreversible` and `compensatable`."""
        options, code = self.step.options, "invalid_step_recovery_marker"
        irreversible = bool(self._flag(options.irreversible, "irreversible=", code))
        compensatable = self._flag(options.compensatable, "compensatable=", code)
        if irreversible and compensatable:
            message = "it cannot be irreversible and compensatable"
            self._add("conflicting_step_recovery_markers", message, "leave compensatable= out")
        return irreversible, compensatable

    def _duration(self, value: Any, code: str, what: str, hint: str) -> int | None:
        if value is None:
            return None
        try:
            return milliseconds(value)
        except ValueError as error:
            self._add(code, f"{what} {error}", hint)
            return None

    def _input(self, mapping: Any) -> tuple[model.InputPath, ...]:
        code = "invalid_step_input_mapping"
        if not isinstance(mapping, Mapping):
            self._add(
                code,
                f"input= is a {type(mapping).__name__}, not a mapping from parameter to path",
                'input={"parameter": "path.in.context"}',
            )
            return ()
        paths: list[model.InputPath] = []
        items = cast("Any", mapping)
        for target, path in items.items():
            if isinstance(target, str) and isinstance(path, str):
                paths.append(model.InputPath(target=target, path=path_of(path)))
            else:
                self._add(code, "input= maps names to paths, both str", f'input={{"{target}": "path.in.context"}}')
        return tuple(sorted(paths, key=lambda item: item.target))

    def _after(self, steps: Any) -> tuple[str, ...]:
        if not isinstance(steps, list | tuple):
            self._add("invalid_step_dependencies", f"after= is a {type(steps).__name__}", "after=[first, second]")
            return ()
        names: set[str] = set()
        for item in cast("Sequence[Any]", steps):
            if isinstance(item, Step):
                names.add(name_of(self.declared, cast("AnyStep", item)))
            else:
                self._add("invalid_step_dependencies", f"after= has a {type(item).__name__}", "after=[first, second]")
        return tuple(sorted(names))

    def _retry(self, value: Any, what: str) -> model.RetryPolicy | None:
        try:
            policy = retry_of(value)
        except ValueError as error:
            self._add("invalid_step_retry_opts", f"{what} {error}", f"{what}Retry(3, Backoff(min=1, max=30))")
            return None
        if policy is None:
            return None
        attempts: Any = policy.attempts
        if not isinstance(attempts, int) or isinstance(attempts, bool):
            self._add("invalid_step_retry_max_attempts", "attempts must be an int", f"{what}Retry(3)")
            attempts = 1
        backoff = self._backoff(policy.backoff, what)
        return model.RetryPolicy(
            max_attempts=attempts,
            **backoff,
            retry_on=self._exceptions(policy.retry_on, "retry_on"),
            give_up_on=self._exceptions(policy.give_up_on, "give_up_on"),
        )

    def _backoff(self, backoff: Any, what: str) -> dict[str, Any]:
        if backoff is None:
            return {}
        code, hint = "invalid_step_retry_backoff", f"{what}Retry(3, Backoff(min=1, max=30))"
        if not isinstance(backoff, Backoff):
            self._add(code, f"backoff is a {type(backoff).__name__}", hint)
            return {}
        factor: Any = backoff.factor
        if not isinstance(factor, int | float) or isinstance(factor, bool) or not math.isfinite(factor):
            self._add(code, "factor must be a finite number", hint)
            factor = 2
        shortest = self._duration(backoff.min, code, "min", hint)
        longest = self._duration(backoff.max, code, "max", hint)
        if shortest is None or longest is None:
            return {}
        return {"min": shortest, "max": longest, "factor": float(factor), "jitter": bool(backoff.jitter)}

    def _exceptions(self, classes: Any, option: str) -> tuple[str, ...]:
        names: set[str] = set()
        items = cast("Sequence[Any]", classes if isinstance(classes, tuple | list) else (classes,))
        for item in items:
            if isinstance(item, type) and issubclass(item, Exception):
                names.add(qualified_name(item))
            else:
                self._add(
                    "invalid_step_retry_opts", f"{option} names exception classes", f"{option}=(ConnectionError,)"
                )
        return tuple(sorted(names))

    def _deadline(self, deadline: Any) -> model.DeadlinePolicy | None:
        if deadline is None:
            return None
        code, hint = "invalid_deadline", "deadline=Deadline(within=300, due_soon=60)"
        if not isinstance(deadline, Deadline):
            self._add(code, f"deadline= is a {type(deadline).__name__}", hint)
            return None
        within = self._duration(deadline.within, code, "within", hint)
        due_soon = self._duration(deadline.due_soon, code, "due_soon", hint)
        escalate_after = self._duration(deadline.escalate_after, code, "escalate_after", hint)
        if within is None or due_soon is None:
            return None
        return model.DeadlinePolicy(
            within=within, due_soon=due_soon, escalate_after=escalate_after, escalation=deadline.escalation
        )

    def _compensation(self) -> tuple[str | None, model.RetryPolicy | None]:
        options = self.step.options
        declared: Any = options.compensate
        policy = self._retry(options.compensate_retry, "compensate_retry=")
        code = "invalid_step_compensate_callback"
        if declared is None:
            if options.compensate_retry is not None:
                self._add(code, "compensate_retry= without compensate=", "compensate=cancel_ride")
            return None, None
        function = compensation_body(declared)
        if isinstance(declared, Step) and policy is None:
            policy = self._retry(cast("AnyStep", declared).options.retry, "retry=")
        if isinstance(function, type) or not callable(function):
            self._add(code, "compensate= must be something to call", "compensate=cancel_ride")
            return None, None
        return qualified_name(function), policy


def compensation_body(declared: Any) -> Any:
    """The callable that `compensate=` means, which may be given as a step."""
    return cast("AnyStep", declared).body if isinstance(declared, Step) else declared


def compensation_retry(step: AnyStep) -> Retry | None:
    """The policy of a step's compensation."""
    declared: Any = step.options.compensate
    own = retry_of(step.options.compensate_retry)
    if own is None and isinstance(declared, Step):
        return retry_of(cast("AnyStep", declared).options.retry)
    return own
