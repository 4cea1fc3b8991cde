"""The price of a step late in a long run against early in a fresh one, in turns inside one worker.

Both runs are one endless loop. A gate lets their bodies pass one at a time: a sample is the time from letting a body
end to the begin of the run's next body, with everything written in between.
"""

from __future__ import annotations

import threading
import time
from collections import Counter

from benchmarks.ours.watched import opened
from benchmarks.ours.workflows import WORKFLOWS, Gate, Loop, put_up
from benchmarks.speaking import options, ready, say
from benchmarks.usage import milliseconds
from squidie_core import Squidie, Worker

PATIENCE = 60


class Turnstile(Gate):
    """Runs pass freely up to their limit; then each body waits for a push."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._limits: dict[str, int] = {}
        self._begun = Counter[str]()
        self._allowed = Counter[str]()
        self._moments: dict[str, float] = {}

    def free_until(self, run_id: str, bodies: int) -> None:
        """Let so many of the run's bodies pass by themselves."""
        with self._condition:
            self._allowed[run_id] = bodies
            self._condition.notify_all()

    def body_begins(self, run_id: str) -> None:
        """Called by a body."""
        now = time.monotonic()
        with self._condition:
            self._begun[run_id] += 1
            self._moments[run_id] = now
            self._condition.notify_all()
            number = self._begun[run_id]
            self._condition.wait_for(lambda: self._allowed[run_id] >= number)

    def await_body(self, run_id: str, number: int) -> float:
        """When the run's body of this number began; waits for it."""
        with self._condition:
            if not self._condition.wait_for(lambda: self._begun[run_id] >= number, PATIENCE):
                raise TimeoutError(f"step {number} did not begin within {PATIENCE} s")
            return self._moments[run_id]

    def push(self, run_id: str) -> float:
        """Let one body end; seconds until the next one of the run has begun."""
        with self._condition:
            self._allowed[run_id] += 1
            next_body = self._allowed[run_id] + 1
            pushed = time.monotonic()
            self._condition.notify_all()
        return self.await_body(run_id, next_body) - pushed


def main() -> None:
    """Bring one run to the late step and one to the early step, then push them in turns."""
    given = options()
    turnstile = Turnstile()
    put_up(turnstile)
    with Squidie(opened(given["url"]), workflows=WORKFLOWS) as squidie:
        worker = Worker(squidie, concurrency=4)
        thread = threading.Thread(target=worker.run)
        thread.start()

        def brought_to(step: int) -> str:
            run_id = squidie.start(Loop).id
            turnstile.free_until(run_id, step)
            while True:
                try:
                    turnstile.await_body(run_id, step + 1)
                except TimeoutError:
                    continue
                return run_id

        late_run = brought_to(given["late"])
        ready()
        early: list[float] = []
        late: list[float] = []
        for _ in range(given["rounds"]):
            early_run = brought_to(given["early"])
            for _ in range(given["samples"]):
                early.append(turnstile.push(early_run))
                late.append(turnstile.push(late_run))
            squidie.cancel(early_run)
            turnstile.free_until(early_run, 10**9)
        squidie.cancel(late_run)
        turnstile.free_until(late_run, 10**9)
        worker.stop()
        thread.join()
    say(early=milliseconds(early), late=milliseconds(late))


if __name__ == "__main__":
    main()
