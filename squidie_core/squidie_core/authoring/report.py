"""Problems, as they are found."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import TypeVar

from squidie_core.authoring.source import Source
from squidie_core.errors import Problem

T = TypeVar("T")


class Report:
    """Collects the problems of one definition."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def add(self, code: str, place: str, message: str, hint: str = "", source: Source | None = None) -> None:
        """Note one problem."""
        where = "" if source is None else str(source)
        self.problems.append(Problem(code=code, place=place, message=message, hint=hint, source=where))

    def attempt(
        self, make: Callable[[], T], default: T, code: str, place: str, what: str, hint: str, source: Source
    ) -> T:
        """What `make` gives; where it raises ValueError, note the problem and go on with `default`."""
        try:
            return make()
        except ValueError as error:
            self.add(code, place, f"{what} {error}", hint, source)
            return default

    def sorted(self) -> list[Problem]:
        """All problems, by file and line; those of one line as they were found."""
        return sorted(self.problems, key=_position)


def near(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """Ask whether a similar name was meant."""
    matches = get_close_matches(word, list(known), 1)
    return f"did you mean {matches[0]!r}?" if matches else otherwise


def _position(problem: Problem) -> tuple[str, int]:
    file, _, line = problem.source.rpartition(":")
    return file, int(line) if line.isdecimal() else 0
