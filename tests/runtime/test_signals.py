"""Signals that come faster than they are handled: their handlers interrupt one another."""

from __future__ import annotations

import signal
import subprocess
import sys

from tests.runtime.waiting import PATIENCE

PROGRAM = """
from squidie_core import Squidie, Worker, Workflow, step, trigger

class Idle(Workflow, name="idle"):
    begin = trigger.manual()
    act = step(lambda: {})

print("ready", flush=True)
Worker(Squidie("memory://", workflows=[Idle])).run()
"""
SIGNALS = 500


def test_a_worker_that_is_told_again_and_again_stops() -> None:
    for _ in range(6):
        with subprocess.Popen(
            [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as one:
            assert one.stdout is not None
            one.stdout.readline()
            for _ in range(SIGNALS):
                one.send_signal(signal.SIGTERM)
            try:
                one.wait(PATIENCE)
            finally:
                one.kill()
