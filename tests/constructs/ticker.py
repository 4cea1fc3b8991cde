"""A process with a scheduler, which ticks when it is told to."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from squidie_core import Scheduler, Squidie, StepContext, Window, Workflow, step, trigger

NINE = datetime(2026, 5, 15, 9, tzinfo=UTC)


@dataclass
class Beat:
    at: str


def beat(window: Window) -> Beat:
    """The payload of a window; with `asking` only after the process was told so."""
    at = f"{window.start:%H:%M}"
    if "asking" in sys.argv:
        sys.stdout.write(f"may I start {at}?\n")
        sys.stdout.flush()
        sys.stdin.readline()
    return Beat(at)


def note(at: str, ctx: StepContext) -> dict[str, Any]:
    schedule = ctx.schedule
    assert schedule is not None
    assert schedule.intended_window is not None
    return {"noted": f"{at} by {schedule.trigger_name} for {schedule.intended_window.end:%H:%M}"}


class Often(Workflow, name="often"):
    beat = trigger.cron("*/10 * * * *", Beat, values=beat)
    note = step(note)


def scheduler_of(squidie: Squidie) -> Scheduler:
    return Scheduler(squidie, misfire="all", catch_up=timedelta(minutes=50))


def main(url: str) -> None:
    with Squidie(url, workflows=[Often]) as squidie:
        scheduler = scheduler_of(squidie)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.readline()
        for done in scheduler.tick(NINE):
            sys.stdout.write(f"{done.outcome}\n")


if __name__ == "__main__":
    main(sys.argv[1])
