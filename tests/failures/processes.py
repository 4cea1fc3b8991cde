"""Workers in processes of their own, and their certain end."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.runtime.waiting import PATIENCE

_ROOT = Path(__file__).parent.parent.parent


class Process:
    """A process that runs `tests/failures/program.py`."""

    def __init__(self, options: dict[str, Any], log: Path) -> None:
        self._log = log
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.failures.program", json.dumps(options)],
                cwd=_ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    @property
    def log(self) -> str:
        """What it has said of itself so far."""
        return self._log.read_text("utf-8", errors="replace")

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def wait_until_ready(self) -> None:
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n", self.log

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def terminate(self) -> None:
        """Ask it to end, and wait until it has ended well."""
        self._process.terminate()
        said, _ = self._process.communicate(timeout=PATIENCE)
        assert (self._process.returncode, said) == (0, "stopped\n"), self.log

    def refusal(self) -> str:
        """Wait until it has given up; why."""
        self._process.communicate(timeout=PATIENCE)
        assert self._process.returncode == 1, self.log
        return self.log.splitlines()[-1]

    def kill(self) -> None:
        """End it without warning."""
        self._process.kill()
        self._process.communicate(timeout=PATIENCE)


class Processes:
    """The processes of a test on one store; when the block ends, so have they."""

    def __init__(self, url: str, folder: Path) -> None:
        self._url = url
        self._folder = folder
        self._processes: list[Process] = []
        self.trail = folder / "trail"

    def work(self, workflows: str = "tests.failures.flows:ALL", **options: Any) -> Process:
        """Start a worker; returns when it is about to look for work."""
        process = self.prepare(workflows, **options)
        process.wait_until_ready()
        return process

    def prepare(self, workflows: str = "tests.failures.flows:ALL", **options: Any) -> Process:
        """Start a worker and do not wait for it."""
        given = {"url": self._url, "workflows": workflows, "trail": str(self.trail), "concurrency": 4, **options}
        process = Process(given, self._folder / f"worker-{len(self._processes)}.log")
        self._processes.append(process)
        return process

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes:
            process.kill()
