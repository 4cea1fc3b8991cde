"""The table that is printed, in a form that a README can take as it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from benchmarks.figures import TARGETS, Figure

_MARKS = {"goal": "goal met", "floor": "floor met", "missed": "MISSED", "info": ""}
_HEADINGS = ("what", "ours", "other", "ratio", "goal", "floor", "")


def number(value: float | None) -> str:
    """Three digits that matter."""
    if value is None:
        return ""
    if abs(value) >= 100:  # noqa: PLR2004  # from here on whole numbers say enough
        return f"{value:,.0f}"
    return f"{value:.3g}"


def rendered(figures: Sequence[Figure]) -> str:
    """All figures, one a line."""
    rows = [_HEADINGS, *map(_row, figures)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(_HEADINGS))]
    lines = [f"| {' | '.join(map(str.ljust, row, widths))} |" for row in rows]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    notes = [f"{figure.what}: {figure.note}" for figure in figures if figure.note]
    return "\n".join([*lines, "", *notes])


def _row(figure: Figure) -> tuple[str, ...]:
    target = figure.target
    is_ratio = figure.other is not None
    bound = "" if target is None else ("≥ " if target.higher else "≤ ")
    return (
        figure.what,
        f"{number(figure.ours)} {figure.unit}",
        f"{number(figure.other)} {figure.other_is}" if is_ratio else "",
        number(figure.value) if is_ratio else "",
        f"{bound}{number(target.goal)}" if target else "",
        f"{bound}{number(target.floor)}" if target else "",
        _MARKS[figure.verdict],
    )


def conditions_text(conditions: Mapping[str, Any]) -> str:
    """The conditions as lines."""

    def lines(values: Mapping[str, Any]) -> Iterable[str]:
        for name, value in values.items():
            yield f"- {name.replace('_', ' ')}: {_text(value)}"

    return "\n".join(lines(conditions))


def _text(value: object) -> str:
    if isinstance(value, float):
        return number(value)
    if isinstance(value, Mapping):
        inner = cast("Mapping[str, object]", value)
        return ", ".join(f"{name} {_text(item)}" for name, item in inner.items()) or "nothing"
    if isinstance(value, list):
        return ", ".join(map(_text, cast("list[object]", value)))
    return str(value)


def ratios(figures: Iterable[Figure]) -> dict[str, float]:
    """The values that targets are held against, by key."""
    return {figure.key: figure.value for figure in figures if figure.key in TARGETS or figure.other is not None}
