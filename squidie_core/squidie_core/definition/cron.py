"""The five fields of a cron expression."""

from __future__ import annotations

from squidie_core.dataclass import record

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@record(frozen=True, slots=True)
class Cron:
    """The times that an expression names; days of the week from 0, Sunday."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]


def parse_cron(expression: str) -> Cron:
    """Parse `minute hour day month weekday`: numbers, names, `*`, ranges, lists, steps. Raises ValueError."""
    parts = expression.split()
    if len(parts) != 5:  # noqa: PLR2004  # the format's
        raise ValueError(f"it has {len(parts)} fields; cron has 5: minute hour day month weekday")
    minute, hour, day, month, weekday = parts
    cron = Cron(
        minutes=_field("minute", minute, 0, 59),
        hours=_field("hour", hour, 0, 23),
        days=_field("day", day, 1, 31),
        months=_field("month", month, 1, 12, _MONTHS),
        weekdays=frozenset(number % 7 for number in _field("weekday", weekday, 0, 7, _DAYS)),
    )
    if weekday.startswith("*") and min(cron.days) > max(_LONGEST[number - 1] for number in cron.months):
        raise ValueError("that day never comes in these months")
    return cron


def _field(name: str, text: str, least: int, most: int, words: tuple[str, ...] = ()) -> frozenset[int]:
    numbers: set[int] = set()
    for part in text.split(","):
        span, slash, step = part.partition("/")
        every = _number(name, step, 1, most) if slash else 1
        if span == "*":
            first, last = least, most
        elif "-" in span:
            low, _, high = span.partition("-")
            first, last = _number(name, low, least, most, words), _number(name, high, least, most, words)
            if first > last:
                raise ValueError(f"its {name} {part!r} runs backwards")
        else:
            first = _number(name, span, least, most, words)
            last = most if slash else first
        numbers.update(range(first, last + 1, every))
    return frozenset(numbers)


def _number(name: str, text: str, least: int, most: int, words: tuple[str, ...] = ()) -> int:
    if text.lower() in words:
        return words.index(text.lower()) + (1 if words is _MONTHS else 0)
    if text.isascii() and text.isdecimal() and least <= int(text) <= most:
        return int(text)
    named = f" or {words[0]} to {words[-1]}" if words else ""
    raise ValueError(f"its {name} {text!r} is not {least} to {most}{named}")
