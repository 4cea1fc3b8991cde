"""Does it stay so? Many runs of all scenarios, several worker processes, one of which is killed again and again."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from host_app.application import WorkflowRuns, open_squidie
from host_app.scenarios import SCENARIOS, Scenario
from host_app.services import Services
from host_app.verdict import Verdict, effects_of, settle
from squidie_core import Snapshot, Worker

WORKERS = 2
KILL_EVERY = 15
"""Effects: so the next kill waits until work goes on again."""


def soak(url: str, folder: Path, *, runs: int) -> Verdict:
    """Run it, and say what was wrong."""
    verdict = Verdict()
    services = Services(folder / "services.db")
    chance = random.Random(runs)
    with open_squidie(url, folder / "services.db") as squidie:
        boundary = WorkflowRuns(squidie)
        workers = [_worker(url, folder) for _ in range(WORKERS)]
        try:
            started: list[tuple[Scenario, Snapshot]] = []
            for number in range(runs):
                scenario = chance.choice(SCENARIOS)
                started.append((scenario, scenario.start(boundary, f"soak {number}")))
            next_kill = KILL_EVERY

            def turn() -> None:
                nonlocal next_kill
                if len(services.effects()) >= next_kill:
                    workers.append(_worker(url, folder))
                    _kill(workers.pop(0))
                    next_kill = len(services.effects()) + KILL_EVERY
                time.sleep(0.02)

            for scenario, run in started:
                done = settle(boundary, scenario, run, turn)
                verdict.compare(f"{scenario.name} {done.id} ends", scenario.ends, done.status)
                verdict.compare(f"{scenario.name} {done.id} did", list(scenario.effects), effects_of(services, done))
        finally:
            for worker in workers:
                worker.send_signal(signal.SIGTERM)
            for worker in workers:
                worker.wait()
    return verdict


def work(url: str, folder: Path) -> None:
    """What a worker process does."""
    with open_squidie(url, folder / "services.db") as squidie:
        Worker(squidie, concurrency=4, lease_for=2).run()


def _kill(worker: subprocess.Popen[bytes]) -> None:
    worker.kill()
    worker.wait()


def _worker(url: str, folder: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "host_app", "work", "--store", url, "--folder", str(folder)]
    return subprocess.Popen(command)
