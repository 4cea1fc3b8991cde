"""Processes that start runs and work on them, with and without hints."""

from __future__ import annotations

from tests.processes import Process, Processes


class Hosts(Processes):
    """Processes that run `tests/operations/program.py`."""

    def __init__(self) -> None:
        super().__init__("tests.operations.program")

    def work(self, url: str, *, notifier: str | None, pace: float, concurrency: int = 4, folder: str = "") -> Process:
        """A worker that looks for itself every `pace` seconds; returns once it listens, if it has a notifier."""
        process = self.run("work", url, notifier or "", str(pace), str(concurrency), folder)
        assert process.line() == "ready"
        return process

    def start(self, url: str, *, notifier: str | None, workflow: str, delay: float = 0) -> str:
        """Start a run from another process, which ends; the run's id."""
        (run_id,) = self.run("start", url, notifier or "", workflow, str(delay)).rest()
        return run_id
