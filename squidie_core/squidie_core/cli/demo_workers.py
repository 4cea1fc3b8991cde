"""The worker processes of the demo."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from squidie_core.cli import demo_workflow

_APP = f"{demo_workflow.__name__}:{demo_workflow.RingErrand.__name__}"
_PATIENCE = 10
"""Seconds for a process to end by itself."""


class DemoWorkers:
    """Real processes by name, each running `squidie worker`. When the block ends, so have they."""

    def __init__(self, directory: Path, trail: Path, settings: Mapping[str, str]) -> None:
        self._directory = directory
        variables = {f"SQUIDIE_{name.upper()}": value for name, value in settings.items()}
        others = {name: value for name, value in os.environ.items() if not name.startswith("SQUIDIE_")}
        # The workers import what this process does, wherever they run.
        path = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path)
        self._environ = {**others, **variables, demo_workflow.TRAIL: str(trail), "PYTHONPATH": path}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *, lease_for: float) -> int:
        """Start a worker; returns its process id."""
        options = ["--owner", name, "--lease-for", str(lease_for), "--grace", "1", "--concurrency", "4"]
        with self._log(name).open("wb") as log:
            self._processes[name] = subprocess.Popen(  # noqa: S603  # the program is this one
                [sys.executable, "-m", "squidie_core.cli", "worker", _APP, *options],
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        return self._processes[name].pid

    def kill(self, name: str) -> int:
        """End the worker with SIGKILL, without warning; returns its process id."""
        process = self._processes[name]
        process.kill()
        process.wait(_PATIENCE)
        return process.pid

    def ended(self) -> Mapping[str, int]:
        """The workers that are no more, with their exit codes; a negative one is a signal's."""
        codes = {name: process.poll() for name, process in self._processes.items()}
        return {name: code for name, code in codes.items() if code is not None}

    def stop(self) -> None:
        """End those that still run: first politely, then not."""
        running = [process for process in self._processes.values() if process.poll() is None]
        for process in running:
            process.terminate()
        for process in running:
            try:
                process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(_PATIENCE)

    def last_words(self) -> Mapping[str, list[str]]:
        """The last lines that each worker logged."""
        return {
            name: self._log(name).read_text("utf-8", "backslashreplace").splitlines()[-5:] for name in self._processes
        }

    def _log(self, name: str) -> Path:
        return self._directory / f"{name}.log"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
