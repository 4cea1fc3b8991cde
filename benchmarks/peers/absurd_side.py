"""Absurd: a task of three checkpointed steps, claimed and run in batches of 20."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from absurd_sdk import Absurd

from benchmarks.speaking import options, ready, say
from benchmarks.usage import Stopwatch, milliseconds

GIVEN = options()
URL, RUNS = GIVEN["url"], GIVEN["runs"]
BATCH = 20


def opened() -> Any:
    """Open the queue in the database, making it first where this is the first turn."""
    app = Absurd(URL, queue_name="bench")
    if GIVEN["first"]:
        program = str(Path(sys.executable).parent / "absurdctl")
        subprocess.run([program, "init", "-d", URL], check=True, capture_output=True)  # noqa: S603
        app.create_queue()
    return app


APP = opened()


@APP.register_task(name="chain")
def chain(parameters: Any, ctx: Any) -> Any:
    """Run the three steps, one after the other."""
    one = ctx.step("one", lambda: {"n": parameters["i"], "s": "one"})
    two = ctx.step("two", lambda: {"n": one["n"] + 1, "s": "two"})
    return ctx.step("three", lambda: {"n": two["n"] + 1, "s": "three"})


def batches(runs: Any) -> Any:
    """Start runs, then yield; what follows is their execution."""
    for number in range(runs):
        APP.spawn("chain", {"i": number})
    watch = Stopwatch(GIVEN["server"])
    for _ in range(-(-runs // BATCH)):
        APP.work_batch(batch_size=BATCH)
    return watch.read(runs)


def latency() -> Any:
    """One run alone: started, claimed and run by the same process, with no polling between."""
    samples = []
    for number in range(RUNS):
        began = time.perf_counter()
        APP.spawn("chain", {"i": number})
        APP.work_batch()
        samples.append(time.perf_counter() - began)
        time.sleep(0.002)
    return milliseconds(samples)


batches(2 * BATCH)
ready()
say(**(batches(RUNS) if GIVEN["measure"] == "runs" else latency()))
os._exit(0)
