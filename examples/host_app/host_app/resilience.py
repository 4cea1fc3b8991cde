"""Does everything survive? A new process for every step, killed right after what it did outside."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

from host_app.application import WorkflowRuns, open_squidie
from host_app.scenarios import SCENARIOS
from host_app.services import Services
from host_app.verdict import Verdict, effects_of, settle

LEASE = 0.3
"""Seconds; a step whose process was killed is taken over after so long."""


def resilience(url: str, folder: Path) -> Verdict:
    """Run it, and say what was wrong."""
    verdict = Verdict()
    services = Services(folder / "services.db")
    with open_squidie(url, folder / "services.db") as squidie:
        runs = WorkflowRuns(squidie)
        for scenario in SCENARIOS:
            run = scenario.start(runs, f"resilience {scenario.name}")
            done = settle(runs, scenario, run, partial(_in_a_process, url, folder, run.id))
            verdict.compare(f"{scenario.name} ends", scenario.ends, done.status)
            verdict.compare(f"{scenario.name} did", list(scenario.effects), effects_of(services, done))
            killed = sum(view.deliveries > 1 for view in done.attempts)
            verdict.compare(f"{scenario.name} steps taken over", len(scenario.effects), killed)
    return verdict


def step(url: str, folder: Path, run_id: str) -> None:
    """What one of the processes does: one step of the run, as soon as it is due."""
    with open_squidie(url, folder / "services.db") as squidie:
        services = squidie.store.catalog.resources[Services]
        assert isinstance(services, Services)  # noqa: S101  # what open_squidie has registered
        services.after_effect = lambda: os.kill(os.getpid(), signal.SIGKILL)
        while squidie.inspect_run(run_id).status == "running" and squidie.execute_next(lease_for=LEASE) is None:
            time.sleep(0.02)


def _in_a_process(url: str, folder: Path, run_id: str) -> None:
    command = [sys.executable, "-m", "host_app", "step", "--store", url, "--folder", str(folder), "--run", run_id]
    subprocess.run(command, check=False)
