"""One graph for two triggers: whoever asks for it, and the clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypedDict

from host_app.services import Services
from squidie_core import Resource, StepContext, Workflow, sequence, step, trigger


@dataclass
class Digest:
    """Whose news, and of which day."""

    channel: str = "everybody"
    day: str = "today"


class News(TypedDict):
    """What there is to tell."""

    headlines: list[str]


def _of_window(window: Any) -> Digest:
    return Digest(day=window.start.date().isoformat())


def collect(channel: str, day: str) -> News:
    """Gather the news."""
    return {"headlines": [f"{channel} on {day}: nothing happened"]}


def deliver(channel: str, news: News, ctx: StepContext, services: Resource[Services]) -> dict[str, int]:
    """Send them."""
    services.once(ctx.idempotency_key, "digest", channel=channel, headlines=len(news["headlines"]))
    return {"delivered": len(news["headlines"])}


class DailyDigest(Workflow, name="daily-digest", version="2026-11-21"):
    """The same run, started by hand or by a schedule; a window that is delivered twice starts one run."""

    manual_digest = trigger.manual(Digest)
    daily_digest = trigger.cron(
        "0 6 * * *", Digest, values=_of_window, timezone="Etc/UTC", idempotency="return_existing_run"
    )
    collect = step(collect, output="news")
    deliver = step(deliver, output="delivery")
    transitions = sequence(collect, deliver)
