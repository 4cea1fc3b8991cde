"""A supervised crew in one store, seen from the test."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from random import Random

from squidie_core import Squidie
from tests.chaos.sidelog import SideLog
from tests.processes import Process, Processes
from tests.runtime.waiting import PATIENCE

_SHOWN = 8


class Crew:
    """Processes at work on the runs of one store. `squidie` is the test's own client, which only looks."""

    def __init__(self, process: Process, squidie: Squidie, log: SideLog) -> None:
        self._process = process
        self._places = 0
        self.squidie = squidie
        self.log = log

    def hire(self, role: str, *arguments: object, copies: int = 1) -> None:
        """Have so many processes in this role, from now on."""
        self._places += copies
        for _ in range(copies):
            self._process.tell(" ".join(["hire", role, *map(str, arguments)]))

    def kill(self, chosen: Random) -> None:
        """End one of the processes without warning; another takes its place."""
        self._process.tell(f"kill {chosen.randrange(self._places)}")

    def freeze(self, chosen: Random, seconds: float) -> None:
        """Let one of the processes do nothing for so long, and go on then as if nothing had been."""
        self._process.tell(f"freeze {chosen.randrange(self._places)} {seconds}")

    def over(self, count: int) -> bool:
        """Whether so many runs were started, and all of them are over."""
        if self.open:
            return False
        return len({fact["number"] for fact in self.log.facts("started")}) == count

    @property
    def open(self) -> bool:
        """Whether any run is not over."""
        return any(self.squidie.list_runs(status=status, limit=1).runs for status in ("running", "paused"))

    def wait(self, look: Callable[[], bool]) -> None:
        """Return when it is so; raise when nothing has moved for so long that nothing will."""
        size, end = self.log.size, time.monotonic() + PATIENCE
        while not look():
            if self.log.size != size:
                size, end = self.log.size, time.monotonic() + PATIENCE
            elif time.monotonic() > end:
                raise AssertionError(f"nothing moved for {PATIENCE} s\n{self._standstill()}")
            time.sleep(0.02)

    def wait_for_bodies(self, more: int, look: Callable[[], bool]) -> None:
        """Return when so many more bodies have begun, or when it is so."""
        goal = self.log.bodies + more
        self.wait(lambda: self.log.bodies >= goal or look())

    def dismiss(self) -> None:
        """Let everybody end well."""
        assert self._process.rest() == []

    def _standstill(self) -> str:
        """What is still open, and what was done last."""
        runs = [run for status in ("running", "paused") for run in self.squidie.list_runs(status=status).runs]
        told = [f"{len(runs)} runs are open"]
        for run in runs[:_SHOWN]:
            found = self.squidie.inspect_run(run.id)
            told += [f"{run}", f"  {found.reason} {found.waiting_for}"]
        return "\n".join([*told, *self.log.path.read_text("utf-8").splitlines()[-_SHOWN:]])


@contextmanager
def crew_at(url: str, squidie: Squidie, log: SideLog) -> Generator[Crew]:
    """A crew without anybody; when the block ends, nobody is left of it."""
    with Processes("tests.chaos.supervisor") as processes:
        yield Crew(processes.run(url, str(log.path)), squidie, log)
