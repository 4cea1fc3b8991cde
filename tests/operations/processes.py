"""Processes that start runs and work on them, and their certain end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.runtime.waiting import PATIENCE

_ROOT = Path(__file__).parent.parent.parent


class Process:
    """A process that runs `tests/operations/program.py`."""

    def __init__(self, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.operations.program", *arguments],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def line(self) -> str:
        """Return the next line that it says."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().rstrip("\n")

    def rest(self) -> list[str]:
        """Let it end; what else it said."""
        said, _ = self._process.communicate(timeout=PATIENCE)
        assert self._process.returncode == 0
        return said.splitlines()

    def kill(self) -> None:
        """End it without warning."""
        self._process.kill()
        self._process.communicate(timeout=PATIENCE)


class Processes:
    """The processes of a test; when the block ends, so have they."""

    def __init__(self) -> None:
        self._processes: list[Process] = []

    def work(self, url: str, *, notifier: str | None, pace: float, concurrency: int = 4, folder: str = "") -> Process:
        """A worker that looks for itself every `pace` seconds; returns once it listens, if it has a notifier."""
        process = self._start("work", url, notifier or "", str(pace), str(concurrency), folder)
        assert process.line() == "ready"
        return process

    def start(self, url: str, *, notifier: str | None, workflow: str, delay: float = 0) -> str:
        """Start a run from another process, which ends; the run's id."""
        process = self._start("start", url, notifier or "", workflow, str(delay))
        (run_id,) = process.rest()
        return run_id

    def _start(self, *arguments: str) -> Process:
        process = Process(*arguments)
        self._processes.append(process)
        return process

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes:
            process.kill()
