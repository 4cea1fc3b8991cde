"""What a callable's signature says about it as a body: what it takes, by name, and what it gives."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from dataclasses import field
from typing import Any

from squidie_core.authoring.context import RESOURCE, TRANSACTION, StepContext
from squidie_core.authoring.converting import is_union, unwrapped
from squidie_core.authoring.hints import Unresolved, class_of, hints_of_callable, plain_function
from squidie_core.authoring.outcomes import Defer
from squidie_core.dataclass import dataclass, record

_CONTEXT_NAMES = ("ctx", "context")


@record(frozen=True, slots=True)
class Taken:
    """A value that the body takes by name from its input."""

    name: str
    annotation: Any
    required: bool


@record(frozen=True, slots=True)
class Needed:
    """A resource, or a transaction, that the body takes; `kind` is None where the annotation cannot be resolved."""

    name: str
    kind: Any
    required: bool


@record(frozen=True, slots=True)
class Fault:
    """Why a callable cannot be a body."""

    code: str
    message: str
    hint: str


@dataclass(slots=True)
class Signature:
    """A body's signature, sorted by what fills it."""

    name: str = "body"
    taken: list[Taken] = field(default_factory=list[Taken])
    everything: Any = inspect.Parameter.empty
    """The annotation of `**names`; empty: the body has none."""
    context: str | None = None
    resources: list[Needed] = field(default_factory=list[Needed])
    transactions: list[Needed] = field(default_factory=list[Needed])
    returns: Any = Any
    is_async: bool = False
    faults: list[Fault] = field(default_factory=list[Fault])

    @property
    def takes_everything(self) -> bool:
        """Whether the body takes the whole context by `**names`."""
        return self.everything is not inspect.Parameter.empty


def read_signature(body: Callable[..., Any]) -> Signature:
    """Read the signature of a body. Never raises: what is wrong stands in `faults`."""
    result = Signature(getattr(plain_function(body), "__name__", "body"), is_async=is_async(body))
    try:
        parameters = inspect.signature(body).parameters
    except (TypeError, ValueError):
        fault = Fault("invalid_step_body", "its signature cannot be read", "wrap it: def body(name): ...")
        result.faults.append(fault)
        return result
    hints = hints_of_callable(body)
    result.returns = _returned(hints.get("return", Any))
    if is_awaitable(hints.get("return")):
        result.is_async = True
    for parameter in parameters.values():
        if parameter.name not in _bound(body):
            _sort(
                result,
                parameter,
                hints.get(parameter.name, Any if parameter.annotation is parameter.empty else parameter.annotation),
            )
    return result


def is_async(function: Any) -> bool:
    """Whether calling this gives something to await."""
    while hasattr(function, "func") and hasattr(function, "keywords"):
        function = function.func
    if inspect.iscoroutinefunction(function):
        return True
    return inspect.iscoroutinefunction(inspect.getattr_static(class_of(function), "__call__", None))


def is_awaitable(annotation: Any) -> bool:
    """Whether the annotation is `Awaitable[...]` or one of its kinds."""
    origin = typing.get_origin(annotation) or annotation
    return isinstance(origin, type) and issubclass(origin, typing.Awaitable)


def _bound(body: Any) -> set[str]:
    """The names that partials have filled."""
    names: set[str] = set()
    while hasattr(body, "func") and hasattr(body, "keywords"):
        names |= set(body.keywords)
        body = body.func
    return names


def _sort(result: Signature, parameter: inspect.Parameter, annotation: Any) -> None:
    if parameter.kind is parameter.VAR_KEYWORD:
        result.everything = annotation
        return
    if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.VAR_POSITIONAL):
        result.faults.append(_positional(result.name, parameter))
        return
    required = parameter.default is parameter.empty
    if _is_context(annotation, parameter):
        result.context = parameter.name
        return
    for mark, needed in ((RESOURCE, result.resources), (TRANSACTION, result.transactions)):
        marked, kind, optional = _marked(annotation, mark)
        if marked:
            needed.append(Needed(parameter.name, kind, required and not optional))
            if isinstance(annotation, Unresolved):
                result.faults.append(_unresolved(parameter, annotation))
            return
    result.taken.append(Taken(parameter.name, annotation, required))


def _positional(name: str, parameter: inspect.Parameter) -> Fault:
    star = "*" if parameter.kind is parameter.VAR_POSITIONAL else ""
    return Fault(
        "positional_parameter",
        f"its parameter {star}{parameter.name} is positional only, and a step gives its input by name",
        f"def {name}({parameter.name}): ...",
    )


def _unresolved(parameter: inspect.Parameter, annotation: Unresolved) -> Fault:
    return Fault(
        "unresolved_resource",
        f"the annotation {annotation.text} of its parameter {parameter.name} cannot be resolved",
        "import the class at module level, outside TYPE_CHECKING",
    )


def _is_context(annotation: Any, parameter: inspect.Parameter) -> bool:
    if isinstance(annotation, Unresolved):
        return annotation.text.replace(" ", "").removesuffix("|None").rpartition(".")[2] == "StepContext"
    if parameter.annotation is parameter.empty:
        return parameter.name in _CONTEXT_NAMES
    members = typing.get_args(annotation) if is_union(annotation) else (annotation,)
    return any(isinstance(member, type) and issubclass(member, StepContext) for member in members)


def _marked(annotation: Any, mark: object) -> tuple[bool, Any, bool]:
    """Whether the annotation has this mark, around which type, and whether None will do."""
    if isinstance(annotation, Unresolved):
        return annotation.text.partition("[")[0].rpartition(".")[2] == repr(mark), None, False
    if is_union(annotation):
        members = typing.get_args(annotation)
        for member in members:
            marked, kind, _ = _marked(member, mark)
            if marked:
                return True, kind, type(None) in members
        return False, None, False
    metadata = getattr(annotation, "__metadata__", ())
    return mark in metadata, unwrapped(annotation), False


def _returned(annotation: Any) -> Any:
    """What the body gives when it is done: without `Awaitable` around it and `Defer` beside it."""
    if is_awaitable(annotation):
        arguments = typing.get_args(annotation)
        return _returned(arguments[-1]) if arguments else Any
    if is_union(annotation):
        members = [_returned(member) for member in typing.get_args(annotation) if member is not Defer]
        return typing.Union[tuple(members)] if members else Any  # noqa: UP007  # they are known only now
    return Any if annotation is Defer else annotation
