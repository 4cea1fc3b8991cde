"""What a command prints: one JSON document for programs, or lines for people."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from typing import TextIO

from squidie_core.journal.entries import Json


class Output:
    """Where a command's result goes. With `as_json` a command prints exactly one document and nothing else."""

    def __init__(self, *, as_json: bool, stream: TextIO | None = None) -> None:
        self.as_json = as_json
        self._stream = sys.stdout if stream is None else stream

    def show(self, document: Mapping[str, Json], lines: Iterable[str]) -> None:
        """Print the result: the document or the lines, which say the same."""
        if self.as_json:
            self._print(json.dumps(document, indent=2))
            return
        for line in lines:
            self._print(printable(line))

    def say(self, line: str = "") -> None:
        """Tell people how it goes; programs are told nothing."""
        if not self.as_json:
            self._print(printable(line))

    def _print(self, line: str) -> None:
        print(line, file=self._stream, flush=True)


def printable(line: str) -> str:
    """The line, what could command a terminal escaped: it may hold what users put into a run."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in line.expandtabs())
