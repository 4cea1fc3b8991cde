"""`step`: how steps are declared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, ParamSpec, TypeVar, Unpack, overload

from squidie_core.authoring.durations import Duration
from squidie_core.authoring.policies import Deadline
from squidie_core.authoring.source import caller
from squidie_core.authoring.steps import AnyStep, InPlace, Step, StepKeywords, StepOptions, plain_body, refuse_unknown

P = ParamSpec("P")
R = TypeVar("R")


class StepFactory:
    """The type of `step`."""

    __slots__ = ()

    @overload
    def __call__(self, body: Callable[P, R], /, **options: Unpack[StepKeywords]) -> Step[P, R]: ...
    @overload
    def __call__(self, /, **options: Unpack[StepKeywords]) -> InPlace: ...

    def __call__(self, body: Callable[..., Any] | None = None, /, **options: Unpack[StepKeywords]) -> Any:
        """Declare a step that executes `body`: `pack = step(pack_provisions)`, or `@step(retry=3)` in place.

        A body is any callable: a function, a coroutine function, a bound method, an object. It takes its parameters by
        name from the step's input; one annotated `StepContext` gets the attempt, one annotated `Resource[...]` a
        resource. Declared in place it takes no `self`; type checkers want `@staticmethod` below `@step(...)` then.

        `name`: the step's durable name; by default that of the attribute.
        `input`: where parameters come from that have another name in the context: `{"to": "order.email"}`.
        `output`: the name under which the result enters the context; without it the result's own names do.
        `after`: the steps that must be done first, in a workflow without transitions.
        `retry`: a `Retry`, or a number of attempts; `timeout`: how long one attempt may take.
        `compensate`: what undoes this step when the run fails later, a callable or a step with a `retry` of its own.
        `irreversible`, `compensatable`: what a replay or an undo has to know.
        `transaction`: what the body writes through its parameter `tx: Transaction[...]` and the step's completion
        commit together, or not at all, in a store that can.
        `await_children`: the step is done when the runs that its body started have ended, with their results.
        `max_deliveries`: how often an attempt may be lost with its worker before it counts as failed.
        """
        refuse_unknown(options)
        if body is not None:
            return Step("run", plain_body(body), StepOptions(**options), caller())
        return InPlace(StepOptions(**options), caller())

    def wait(self, duration: Duration, /, *, after: Sequence[AnyStep] = (), name: str | None = None) -> Step[[], None]:
        """Declare a step that lets `duration` pass."""
        return Step("wait", None, StepOptions(name=name, after=after, duration=duration), caller())

    def log(
        self,
        message: str,
        /,
        *,
        level: Literal["debug", "info", "warning", "error"] = "info",
        after: Sequence[AnyStep] = (),
        name: str | None = None,
    ) -> Step[[], None]:
        """Declare a step that logs `message`."""
        return Step("log", None, StepOptions(name=name, after=after, message=message, level=level), caller())

    def pause(self, *, deadline: Deadline | None = None, name: str | None = None) -> Step[[], None]:
        """Declare a step that waits until somebody resumes the run."""
        return Step("pause", None, StepOptions(name=name, deadline=deadline), caller())

    def approval(
        self, *, output: str | None = None, deadline: Deadline | None = None, name: str | None = None
    ) -> Step[[], dict[str, Any]]:
        """Declare a step that waits until somebody approves, which leads to `ok`, or rejects, which leads to `error`.

        The decision enters the context: `decision`, `actor`, `decided_at`, and `comment` and `metadata` where given.
        """
        return Step("approval", None, StepOptions(name=name, output=output, deadline=deadline), caller())


step = StepFactory()
"""Declares a step. See `StepFactory.__call__`."""
