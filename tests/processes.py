"""Other processes of a test, and their certain end."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.runtime.waiting import PATIENCE

_ROOT = Path(__file__).parent.parent


class Process:
    """A module of the tests, running as a program. It talks by lines of text, and is talked to by lines."""

    def __init__(self, module: str, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def line(self) -> str:
        """Return the next line that it says; an empty one where it has ended, as it must when it says nothing."""
        assert self._process.stdout is not None
        impatience = threading.Timer(PATIENCE, self._process.kill)
        impatience.start()
        try:
            return self._process.stdout.readline().rstrip("\n")
        finally:
            impatience.cancel()

    def tell(self, line: str = "") -> None:
        """Say a line to it."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def rest(self) -> list[str]:
        """Wait until it has ended well, its input closed; what else it said."""
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
    """Processes that run one module; when the block ends, so have they."""

    def __init__(self, module: str) -> None:
        self._module = module
        self._processes: list[Process] = []

    def run(self, *arguments: str) -> Process:
        """Start one."""
        process = Process(self._module, *arguments)
        self._processes.append(process)
        return process

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes:
            process.kill()
