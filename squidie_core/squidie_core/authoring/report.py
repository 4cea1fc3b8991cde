"""Problems that only Python objects can have, as they are found."""

from __future__ import annotations

from collections.abc import Iterable

from squidie_core.authoring.source import Source
from squidie_core.errors import Problem


class Report:
    """Collects the problems of one workflow class."""

    def __init__(self, problems: Iterable[Problem] = ()) -> None:
        self.problems: list[Problem] = list(problems)

    def add(self, code: str, place: str, message: str, hint: str, source: Source) -> None:
        """Note one problem."""
        self.problems.append(Problem(code=code, place=place, message=message, hint=hint, source=str(source)))

    def has(self, code: str) -> bool:
        """Whether a problem with this code is noted."""
        return any(problem.code == code for problem in self.problems)

    def join(self, others: Iterable[Problem]) -> None:
        """Take over problems, but for those whose cause is noted already."""
        noted = {(problem.code, problem.place) for problem in self.problems}
        self.problems += [problem for problem in others if (problem.code, problem.place) not in noted]

    def sorted(self) -> list[Problem]:
        """All problems, by file and line; those of one line as they were found."""
        return sorted(self.problems, key=_position)


def _position(problem: Problem) -> tuple[str, int]:
    file, _, line = problem.source.rpartition(":")
    return file, int(line) if line.isdecimal() else 0
