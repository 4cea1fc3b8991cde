"""Where a declaration stands in its author's code."""

from __future__ import annotations

import inspect

from squidie_core.dataclass import record

_OURS = __name__.rpartition(".")[0]


@record(frozen=True, slots=True)
class Source:
    """A file and a line of it."""

    file: str = ""
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.file else ""

    @property
    def short(self) -> str:
        """The same without the folders, for reprs."""
        name = self.file.replace("\\", "/").rpartition("/")[2]
        return f"{name}:{self.line}" if name else ""


NOWHERE = Source()


def caller() -> Source:
    """The nearest line outside this package that led here."""
    frame = inspect.currentframe()
    while frame is not None and str(frame.f_globals.get("__name__", "")).startswith(_OURS):
        frame = frame.f_back
    return Source() if frame is None else Source(frame.f_code.co_filename, frame.f_lineno)
