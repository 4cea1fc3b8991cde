"""Processes that start runs and work on them."""

from __future__ import annotations

from pathlib import Path

from tests.processes import Process, Processes


class Clients(Processes):
    """Processes on one store that run `tests/runtime/program.py`."""

    def __init__(self, url: str, trail: Path) -> None:
        super().__init__("tests.runtime.program")
        self._url = url
        self._trail = trail

    def start(self, command: str, *arguments: str, copies: int = 1) -> Process:
        """Start one; with copies it becomes so many, which begin together."""
        process = self.run(str(copies), command, self._url, str(self._trail), *arguments)
        assert process.line() == "ready"
        process.tell()
        return process
