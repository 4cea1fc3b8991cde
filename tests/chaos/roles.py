"""What the supervised processes do. Each may be killed anywhere, and another does the same from the start."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from squidie_core import ConflictError, InvalidTransitionError, Snapshot, Squidie, Unavailable, Worker
from tests.chaos.flows import ALL, LEASE, TRIGGERS, Errand
from tests.chaos.sidelog import SideLog
from tests.runtime.waiting import PATIENCE

_BLOCK = 8


def opened(url: str, log: SideLog) -> Squidie:
    """A client that knows all workflows."""
    return Squidie(url, workflows=ALL, resources={SideLog: log})


def work(url: str, log: Path) -> None:
    """A worker, until SIGTERM."""
    with opened(url, SideLog(log)) as squidie:
        Worker(squidie, concurrency=4, async_concurrency=4, lease_for=LEASE, grace=PATIENCE).run()


def start(url: str, log: Path, workflows: str, count: str) -> None:
    """Start so many runs, of the workflows in turn; those that were started before stay as they are."""
    side = SideLog(log)
    names = workflows.split(",")
    with opened(url, side) as squidie:
        for begin in range(0, int(count), _BLOCK * len(names)):
            end = min(begin + _BLOCK * len(names), int(count))
            for place, name in enumerate(names):
                if numbers := range(begin + place, end, len(names)):
                    _start_block(squidie, side, name, numbers)


def _start_block(squidie: Squidie, log: SideLog, name: str, numbers: range) -> None:
    errands = [Errand(number) for number in numbers]
    keys = [str(number) for number in numbers]
    started: list[Snapshot] = []
    while not started:
        try:
            started = squidie.start_many(TRIGGERS[name], errands, idempotency_keys=keys)
        except Unavailable:
            time.sleep(0.05)  # its outcome may be unknown; the keys make the repetition safe
    for number, run in zip(numbers, started, strict=True):
        log.tell("started", number=number, run=run.id)


def operate(url: str, log: Path, seed: str) -> None:
    """Answer what is paused and cancel what is running, here and there, until SIGTERM.

    What is to be done is told before, what the store has taken after.
    """
    side, chosen = SideLog(log), random.Random(seed)  # noqa: S311  # it guards nothing
    acts: Mapping[str, Callable[..., object]]
    with opened(url, side) as squidie:
        acts = {
            "resume": squidie.resume,
            "approve": squidie.approve,
            "reject": squidie.reject,
            "cancel": squidie.cancel,
        }
        while True:
            runs = squidie.list_runs(status=chosen.choice(("paused", "running")), limit=50).runs
            for run in chosen.sample(runs, min(4, len(runs))):
                found = squidie.inspect_run(run.id)
                act = chosen.choice(("approve", "approve", "reject"))
                if found.waiting_for is not None and found.waiting_for.kind == "pause":
                    act = "resume"
                if chosen.randrange(8) == 0:
                    act = "cancel"
                if found.status != "paused" and act != "cancel":
                    continue
                key = f"{act}-{chosen.getrandbits(64):x}"
                about = {"act": act, "run": run.id, "key": key}
                side.tell("acting", **about)
                try:
                    acts[act](run.id, actor="operator", idempotency_key=key)
                except (InvalidTransitionError, ConflictError):
                    continue
                side.tell("acted", **about)
            time.sleep(chosen.uniform(0, 0.02))


ROLES: Mapping[str, Callable[..., None]] = {"work": work, "start": start, "operate": operate}
