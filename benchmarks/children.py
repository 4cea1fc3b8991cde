"""Measured processes, seen from the benchmark."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).resolve().parent.parent


class Child:
    """A side in a process of its own; it is killed at the end of the block if it has not ended by itself."""

    def __init__(self, module: str, options: dict[str, Any], *, python: str = sys.executable) -> None:
        self._module = module
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115  # closed by __exit__
        self._process = subprocess.Popen(  # noqa: S603  # a program of this benchmark
            [python, "-m", f"benchmarks.{module}", json.dumps(options)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()
        self._log.close()

    def hear(self) -> dict[str, Any]:
        """The next line. Raises RuntimeError with the end of what the process wrote where it ended instead."""
        assert self._process.stdout is not None  # noqa: S101  # a pipe
        while line := self._process.stdout.readline():
            if line.startswith("{"):
                heard: dict[str, Any] = json.loads(line)
                return heard
        self._process.wait()
        self._log.seek(0)
        raise RuntimeError(f"{self._module} ended with {self._process.returncode}:\n{self._log.read()[-3000:]}")

    def tell(self) -> None:
        """Its turn, or what it waits for next."""
        assert self._process.stdin is not None  # noqa: S101  # a pipe
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def end(self) -> None:
        """Wait until it is gone, and with it its connections."""
        self._process.wait(60)


def turn(module: str, options: dict[str, Any], *, python: str = sys.executable) -> dict[str, Any]:
    """One side's turn, from its start to its result."""
    with Child(module, options, python=python) as child:
        child.hear()
        child.tell()
        result = child.hear()
        child.end()
    return result
