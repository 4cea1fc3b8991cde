"""The workflows of these tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from squidie_core import FailStep, Window, Workflow, step, trigger


@dataclass
class Edition:
    day: str
    number: int = 1


def edition(window: Window) -> Edition:
    return Edition(window.start.date().isoformat())


def send(day: str) -> dict[str, Any]:
    return {"sent": day}


def refuse() -> dict[str, Any]:
    raise FailStep("no")


class Digest(Workflow, name="digest"):
    once = trigger.cron("0 9 * * *", Edition, values=edition, idempotency="return_existing_run")
    skipped = trigger.cron("0 9 * * *", Edition, values=edition, idempotency="skip_duplicate")
    each = trigger.cron("0 9 * * *", Edition, values=edition)
    by_hand = trigger.manual(Edition)
    send = step(send)


class Refused(Workflow, name="refused"):
    begin = trigger.manual()
    refuse = step(refuse)


ALL = (Digest, Refused)
