"""Records and tables as lines of text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import cast


def record(fields: Iterable[tuple[str, object]]) -> list[str]:
    """One line for each field that has a value, the values below each other."""
    given = [(name, cell(value)) for name, value in fields if value is not None and value not in ((), "")]
    width = max((len(name) for name, _ in given), default=0)
    return [f"{name:{width}}  {value}" for name, value in given]


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """A line of heads and one for each row, in columns as wide as they need to be."""
    texts = [[head.upper() for head in heads], *([cell(value) for value in row] for row in rows)]
    widths = [max(len(row[column]) for row in texts) for column in range(len(heads))]
    return [_line(row, widths) for row in texts]


def cell(value: object) -> str:
    """One value as text on one line; `-` where there is none."""
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, tuple | list):
        return ", ".join(str(item) for item in cast("Sequence[object]", value)) or "-"
    return str(value)


def moment(at: datetime) -> str:
    """The time in UTC, to the second."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(f"{text:{width}}" for text, width in zip(row, widths, strict=True)).rstrip()
