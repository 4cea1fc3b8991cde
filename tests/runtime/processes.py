"""Other processes of a test, and their certain end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.runtime.waiting import PATIENCE

_ROOT = Path(__file__).parent.parent.parent


class Process:
    """A process that runs `tests/runtime/program.py`."""

    def __init__(self, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.runtime.program", *arguments],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def wait_until_ready(self) -> None:
        """Return when it waits for its `begin`."""
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def begin(self) -> None:
        """Let it begin."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def lines(self) -> list[str]:
        """Wait until it has ended well; what it said."""
        said, _ = self._process.communicate(timeout=PATIENCE)
        assert self._process.returncode == 0
        return said.splitlines()

    def terminate(self) -> None:
        """Ask it to end."""
        self._process.terminate()

    def kill(self) -> None:
        """End it without warning, and forget it."""
        self._process.kill()
        self._process.communicate(timeout=PATIENCE)


class Processes:
    """The processes of a test on one store; when the block ends, so have they."""

    def __init__(self, url: str, trail: Path) -> None:
        self._url = url
        self._trail = trail
        self._processes: list[Process] = []

    def start(self, command: str, *arguments: str, copies: int = 1) -> Process:
        """Start one; with copies it becomes so many, which begin together."""
        process = self.prepare(command, *arguments, copies=copies)
        process.wait_until_ready()
        process.begin()
        return process

    def prepare(self, command: str, *arguments: str, copies: int = 1) -> Process:
        """Start one that does nothing before it is told to `begin`."""
        process = Process(str(copies), command, self._url, str(self._trail), *arguments)
        self._processes.append(process)
        return process

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes:
            process.kill()
