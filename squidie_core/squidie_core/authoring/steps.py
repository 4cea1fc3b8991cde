"""Steps as declared, and the transitions between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from itertools import pairwise
from typing import Any, Generic, Literal, NoReturn, ParamSpec, TypeAlias, TypedDict, TypeVar, Unpack

from squidie_core.authoring.conditions import When
from squidie_core.authoring.durations import Duration
from squidie_core.authoring.hints import class_of
from squidie_core.authoring.mistakes import DeclarationError
from squidie_core.authoring.policies import Deadline, Retry
from squidie_core.authoring.source import Source, caller
from squidie_core.dataclass import record
from squidie_core.definition.model import LogLevel, Recovery, StepKind, StepOutcome
from squidie_core.errors import near

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class End:
    """The type of `end`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "end"


end = End()
"""The target of a transition that ends the run as completed."""


@record(frozen=True, slots=True, kw_only=True)
class StepOptions:
    """What `step(...)` and its built-ins were told, unchecked: a workflow checks it."""

    name: str | None = None
    input: Mapping[str, str] = field(default_factory=dict[str, str])
    output: str | None = None
    after: Sequence[AnyStep] = ()
    retry: Retry | int | None = None
    deadline: Deadline | None = None
    timeout: Duration | None = None
    compensate: Callable[..., Any] | None = None
    compensate_retry: Retry | int | None = None
    irreversible: bool = False
    compensatable: bool | None = None
    transaction: bool = False
    await_children: bool = False
    max_deliveries: int = 5
    duration: Duration | None = None
    message: str | None = None
    level: LogLevel | None = None


class StepKeywords(TypedDict, total=False):
    """The options of `step(...)`; its docstring says what each is for."""

    name: str | None
    input: Mapping[str, str]
    output: str | None
    after: Sequence[AnyStep]
    retry: Retry | int | None
    deadline: Deadline | None
    timeout: Duration | None
    compensate: Callable[..., Any] | None
    compensate_retry: Retry | int | None
    irreversible: bool
    compensatable: bool | None
    transaction: bool
    await_children: bool
    max_deliveries: int


def refuse_unknown(keywords: Mapping[str, Any]) -> None:
    """Raise DeclarationError for an option that steps do not have."""
    known = list(StepKeywords.__annotations__)
    for name in keywords:
        if name not in known:
            meant = near(name, known)
            guess = f"did you mean {meant}=?" if meant else f"there are {', '.join(known)}"
            raise DeclarationError(f"step has no option {name}=; {guess}")


class Step(Generic[P, R_co]):
    """A declared step; made by `step`. Calling it calls its body, as a unit test does.

    A step has no name of its own: the workflows that bind it name it, so one step may serve several.
    """

    __slots__ = ("_body", "kind", "options", "source")

    def __init__(self, kind: StepKind, body: Callable[P, R_co] | None, options: StepOptions, source: Source) -> None:
        self.kind: StepKind = kind
        self._body = body
        self.options = options
        self.source = source

    @property
    def body(self) -> Callable[P, R_co] | None:
        """What the step executes; None for a built-in."""
        return self._body

    @property
    def ok(self) -> Outcome:
        """The step ended well."""
        return Outcome(self, "ok")

    @property
    def error(self) -> Outcome:
        """The step failed for good, or its approval was rejected."""
        return Outcome(self, "error")

    def using(self, **overrides: Unpack[StepKeywords]) -> Step[P, R_co]:
        """Declare a variant of this step: the same body with other options, named as in `step(...)`."""
        refuse_unknown(overrides)
        return Step(self.kind, self._body, replace(self.options, **overrides), caller())

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Call the body. Raises DeclarationError for a built-in."""
        if self._body is None:
            raise DeclarationError(f"{self!r} is a built-in without a body to call")
        return self._body(*args, **kwargs)

    def __bool__(self) -> NoReturn:
        raise DeclarationError(f"{self!r} is a declaration and has no truth value; did you mean .ok or .error?")

    def __repr__(self) -> str:
        label = f"step.{self.kind}" if self._body is None else f"step {body_name(self._body)}"
        return f"<{label} at {self.source.short}>"


@record(frozen=True, slots=True)
class InPlace:
    """What `@step(...)` is until it has its body."""

    options: StepOptions
    source: Source

    def __call__(self, body: Callable[P, R], /) -> Step[P, R]:
        """Declare the step."""
        return Step("run", plain_body(body), self.options, self.source)


AnyStep: TypeAlias = Step[..., Any]
"""Any step, whatever it takes and gives."""


@record(frozen=True, slots=True, eq=False)
class Outcome:
    """One of the two ways in which a step ends; `.to(...)` says where the run goes then."""

    step: AnyStep
    on: StepOutcome

    def to(
        self,
        target: AnyStep | End,
        *,
        when: When | None = None,
        recovery: Literal["compensation", "undo"] | None = None,
        max_visits: int | None = None,
    ) -> Transition:
        """Declare a transition to a step or to `end`.

        It is taken where `when` holds, at most `max_visits` times in a run; of several, the first that holds.
        `recovery` marks a transition on error as part of undoing.
        """
        return Transition(self.step, self.on, target, when, recovery, max_visits, caller())

    def __bool__(self) -> NoReturn:
        raise DeclarationError(f"{self!r} is a declaration and has no truth value; say .to(...)")

    def __repr__(self) -> str:
        return f"{self.step!r}.{self.on}"


@record(frozen=True, slots=True, eq=False)
class Transition:
    """A declared transition; made by `.to(...)` and `sequence(...)`."""

    origin: AnyStep
    on: StepOutcome
    target: AnyStep | End
    when: When | None
    recovery: Recovery | None
    max_visits: int | None
    source: Source

    def __bool__(self) -> NoReturn:
        raise DeclarationError(f"{self!r} is a declaration and has no truth value; list it in `transitions`")

    def __repr__(self) -> str:
        return f"<{self.origin!r}.{self.on} to {self.target!r} at {self.source.short}>"


def sequence(*steps: AnyStep) -> tuple[Transition, ...]:
    """Declare the transitions of a chain: each step's `ok` leads to the next."""
    source = caller()
    return tuple(Transition(origin, "ok", target, None, None, None, source) for origin, target in pairwise(steps))


def plain_body(body: Callable[P, R]) -> Callable[P, R]:
    """The function in a `staticmethod`, which is how a body in a class body tells checkers that it takes no `self`."""
    return body.__func__ if isinstance(body, staticmethod) else body


def body_name(body: Any) -> str:
    """How people call this body."""
    function = getattr(body, "func", body)
    return str(getattr(function, "__qualname__", None) or type(function).__qualname__)


def qualified_name(function: Any) -> str:
    """The name that tells this callable from others."""
    inner = getattr(function, "func", function)
    named: Any = inner if hasattr(inner, "__qualname__") else class_of(inner)
    return f"{named.__module__}.{named.__qualname__}"
