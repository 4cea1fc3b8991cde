"""Other processes of a test, and their certain end."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.runtime.waiting import PATIENCE

_ROOT = Path(__file__).parent.parent.parent


class Process:
    """A process that runs `tests/leases_redis/program.py`."""

    def __init__(self, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.leases_redis.program", *arguments],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def line(self) -> str:
        """Return the next line that it says."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().rstrip("\n")

    def go_on(self) -> None:
        """Send it a line."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def rest(self) -> list[str]:
        """Let it end; what else it said."""
        said, _ = self._process.communicate(timeout=PATIENCE)
        assert self._process.returncode == 0
        return said.splitlines()

    def pause(self) -> None:
        """Stop it where it is."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on from there."""
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it without warning."""
        self._process.kill()
        self._process.communicate(timeout=PATIENCE)


class Processes:
    """The processes of a test; when the block ends, so have they."""

    def __init__(self) -> None:
        self._processes: list[Process] = []

    def start(self, *arguments: object) -> Process:
        """Start one, and return once it says `ready`."""
        process = Process(*map(str, arguments))
        self._processes.append(process)
        assert process.line() == "ready"
        return process

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes:
            process.kill()
