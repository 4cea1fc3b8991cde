"""Does everything work? Each scenario once, by one worker in this process, and the digest by its schedule."""

from __future__ import annotations

import threading
from pathlib import Path

from host_app.application import WorkflowRuns, open_squidie
from host_app.scenarios import DAY, SCENARIOS
from host_app.services import Services
from host_app.verdict import Verdict, effects_of, settle
from squidie_core import Worker


def smoke(url: str, folder: Path) -> Verdict:
    """Run it, and say what was wrong."""
    verdict = Verdict()
    services = Services(folder / "services.db")
    with open_squidie(url, folder / "services.db") as squidie:
        runs = WorkflowRuns(squidie)
        worker = Worker(squidie, concurrency=4)
        thread = threading.Thread(target=lambda: worker.run(install_signal_handlers=False))
        thread.start()
        try:
            started = [(scenario, scenario.start(runs, f"smoke {scenario.name}")) for scenario in SCENARIOS]
            for scenario, run in started:
                done = settle(runs, scenario, run)
                verdict.compare(f"{scenario.name} ends", scenario.ends, done.status)
                verdict.compare(f"{scenario.name} did", list(scenario.effects), effects_of(services, done))
                again = scenario.start(runs, f"smoke {scenario.name}")
                verdict.compare(f"{scenario.name} started again", done.id, again.id)
            delivered = runs.deliver_digest(DAY)
            verdict.compare("the digest's window delivered again", delivered.id, runs.deliver_digest(DAY).id)
            done = settle(runs, None, delivered)
            verdict.compare("the scheduled digest ends", "completed", done.status)
            verdict.compare("the scheduled digest knows its day", "2026-11-21", done.input["day"])
        finally:
            worker.stop()
            thread.join()
    return verdict
