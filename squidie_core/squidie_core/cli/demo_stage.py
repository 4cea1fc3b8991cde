"""What the demo watches: one run, from outside."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

from squidie_core.cli.demo_workers import DemoWorkers
from squidie_core.cli.output import Output
from squidie_core.dataclass import dataclass
from squidie_core.errors import SquidieError
from squidie_core.inspection import AttemptView, Snapshot
from squidie_core.runtime import Squidie

_PATIENCE = 30
_LOOK_EVERY = 0.02


class DemoError(SquidieError):
    """Something in the demo was not as it should be."""

    default_code = "demo"


@dataclass(frozen=True, slots=True)
class Stage:
    """The run, those who work on it, and the time since the curtain rose."""

    squidie: Squidie
    run_id: str
    workers: DemoWorkers
    trail: Path
    out: Output
    began: float

    def say(self, line: str) -> None:
        """Tell what happens, with the seconds since the beginning."""
        self.out.say(f"{time.monotonic() - self.began:5.1f}s  {line}")

    def wait_until(self, what: str, holds: Callable[[Snapshot], bool], *, losses: int = 0) -> Snapshot:
        """Look at the run until it is so.

        Raises DemoError when that takes too long, the run ends without it, or more than `losses` workers end.
        """
        end = time.monotonic() + _PATIENCE
        while True:
            run = self.squidie.inspect_run(self.run_id)
            if holds(run):
                return run
            ended = self.workers.ended()
            if len(ended) > losses:
                raise self._failed(f"a worker ended too early: {dict(ended)}")
            if run.terminal or time.monotonic() > end:
                raise self._failed(f"waited in vain until {what}: the run is {run.status}, {run.reason}")
            time.sleep(_LOOK_EVERY)

    def wait_at(self, gate: str) -> None:
        """Wait until the run waits for a human there."""

        def there(run: Snapshot) -> bool:
            return run.status == "paused" and run.waiting_for is not None and run.waiting_for.step == gate

        self.wait_until(f"the run waits at {gate}", there)

    def begun(self) -> Mapping[str, int]:
        """How often the body of each step has begun, by its own account."""
        lines = self.trail.read_text("utf-8").splitlines() if self.trail.exists() else []
        return {step: lines.count(step) for step in lines}

    def _failed(self, problem: str) -> DemoError:
        return DemoError(problem, details={"run_id": self.run_id, "workers": dict(self.workers.last_words())})


def attempt(run: Snapshot, step: str) -> AttemptView | None:
    """The newest attempt at the step, where there is one."""
    return next((view for view in reversed(run.attempts) if view.step == step), None)
