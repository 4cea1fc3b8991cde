"""Values that are not what an annotation says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from squidie_core.dataclass import record
from squidie_core.errors import SquidieError

Converter: TypeAlias = Callable[[Any], Any]
"""Takes a plain value, decoded; gives what the annotation says or raises ContractError."""

Segment: TypeAlias = str | int

MISSING = "missing"
"""What a value that must be given is found to be."""


@record(frozen=True, slots=True)
class Violation:
    """One value that is not what an annotation says. Never holds the value."""

    path: tuple[Segment, ...]
    expected: str
    found: str

    @property
    def place(self) -> str:
        """The path as people write it: `stops[2].name`."""
        text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.path)
        return text.removeprefix(".")

    def __str__(self) -> str:
        if self.found == MISSING:
            return f"{self.place} is missing"
        place = f"{self.place} " if self.path else ""
        return f"{place}must be {self.expected}, is {self.found}"


class ContractError(SquidieError):
    """A value is not what an annotation says; `violations` lists all that were found."""

    default_code = "invalid_value"

    def __init__(self, violations: Sequence[Violation], what: str = "", code: str | None = None) -> None:
        self.violations = tuple(violations)
        found = "; ".join(str(violation) for violation in self.violations)
        super().__init__(
            f"{what}: {found}" if what else found,
            code=code,
            details={
                "violations": [{"path": v.place, "expected": v.expected, "found": v.found} for v in self.violations]
            },
        )


def as_is(value: Any) -> Any:
    """The converter of what is not annotated, or annotated `Any`."""
    return value


def mismatch(expected: str, value: Any) -> ContractError:
    """The error for this one value."""
    return ContractError([Violation((), expected, kind_of(value))])


def kind_of(value: Any) -> str:
    """What to call the value without showing it."""
    return "None" if value is None else type(value).__name__


def below(segment: Segment, error: ContractError) -> list[Violation]:
    """The violations, seen from one level up."""
    return [Violation((segment, *v.path), v.expected, v.found) for v in error.violations]
