"""Does it stay so? Many runs of all scenarios, several worker processes, one of which is killed every second."""

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
            last_kill = time.monotonic()

            def turn() -> None:
                nonlocal last_kill
                if time.monotonic() - last_kill > 1:
                    workers.pop(0).kill()
                    workers.append(_worker(url, folder))
                    last_kill = time.monotonic()
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


def _worker(url: str, folder: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "host_app", "work", "--store", url, "--folder", str(folder)]
    return subprocess.Popen(command)
