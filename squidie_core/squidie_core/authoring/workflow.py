"""`Workflow`: the class whose subclasses are workflows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Never, NoReturn

from squidie_core.authoring.checking import check
from squidie_core.authoring.collecting import Declaration, collect
from squidie_core.authoring.compile import definition_of
from squidie_core.authoring.mistakes import DeclarationError
from squidie_core.authoring.source import caller
from squidie_core.authoring.steps import Transition
from squidie_core.definition.model import Definition


class _DefinitionAttribute:
    """Compiles a workflow class when somebody asks what it compiles to."""

    def __get__(self, instance: None, owner: type[Workflow]) -> Definition:
        return definition_of(owner)


class Workflow:
    """The base of workflows. A subclass declares triggers, steps and `transitions`, and is never instantiated.

    Class keywords: `name`, the durable identity (by default the module and the qualified name); `version`, a label;
    `queue`, where its runs wait for workers; `on_drift`, what becomes of a run whose definition has changed since it
    started (`continue` with the one it started with, or `fail`); `abstract`, for a base that is not complete itself.

    Raises DefinitionError, with every problem there is, when the class is made.
    """

    transitions: ClassVar[Sequence[Transition] | Transition] = ()
    definition: ClassVar[_DefinitionAttribute] = _DefinitionAttribute()
    """What the class compiles to."""
    declaration_: ClassVar[Declaration]

    if TYPE_CHECKING:

        def __init_subclass__(
            cls,
            *,
            name: str | None = None,
            version: str | None = None,
            queue: str | None = None,
            on_drift: Literal["continue", "fail"] = "continue",
            abstract: bool = False,
        ) -> None: ...

        def __init__(self, it_is_never_instantiated: Never, /) -> None: ...

    else:

        def __init_subclass__(cls, **keywords: Any) -> None:
            super().__init_subclass__()
            declared = collect(cls, keywords, caller())
            check(declared)
            cls.declaration_ = declared

        def __new__(cls, *_args: Any, **_keywords: Any) -> NoReturn:
            """Refuse: a workflow class is a declaration."""
            raise DeclarationError(
                f"{cls.__name__} is a declaration and is never instantiated; "
                f"start a run with squidie.start({cls.__name__}, {{...}})"
            )
