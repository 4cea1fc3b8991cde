"""Conditions on transitions: a path into the run's context, compared with a value."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, NoReturn, TypeAlias

from squidie_core.authoring.mistakes import DeclarationError
from squidie_core.dataclass import record
from squidie_core.definition.model import Operator

Ordered: TypeAlias = float | Decimal | datetime | date | time | timedelta
"""What has an order: numbers with each other, times with their own kind."""


@record(frozen=True, slots=True)
class When:
    """A declared condition; made by `where`."""

    path: str
    operator: Operator
    value: Any

    def __bool__(self) -> NoReturn:
        raise DeclarationError(f"{self!r} is a declaration and has no truth value; pass it on: .to(target, when=...)")

    def __repr__(self) -> str:
        return f"where({self.path!r}).{self.operator}({self.value!r})"


class where:  # noqa: N801  # lower case declares
    """A place in the run's context, such as `where("route.decision")`, to be compared with a value."""

    __slots__ = ("path",)

    def __init__(self, path: str, /) -> None:
        self.path = path

    def equals(self, value: Any) -> When:
        """The value there equals this one. True is not 1, at any depth; a missing value equals nothing."""
        return When(self.path, "equals", value)

    def greater_than(self, value: Ordered) -> When:
        """The value there is of a kind with this one, and greater."""
        return When(self.path, "greater_than", value)

    def less_than(self, value: Ordered) -> When:
        """The value there is of a kind with this one, and less."""
        return When(self.path, "less_than", value)

    def __bool__(self) -> NoReturn:
        raise DeclarationError(f"{self!r} compares nothing yet; say .equals(...), for example")

    def __repr__(self) -> str:
        return f"where({self.path!r})"
