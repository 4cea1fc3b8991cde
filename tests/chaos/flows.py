"""Workflows of several shapes. Their bodies tell the side log who runs them, and return what only that body knows."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from squidie_core import Backoff, Defer, Resource, Retry, StepContext, Workflow, sequence, step, trigger
from tests.chaos.sidelog import SideLog

LEASE = 1.0
"""Seconds. Bodies take a few milliseconds, now and then more than a lease."""
OFTEN = 1_000
"""Deliveries. Those who kill at random take no attempt's part, so it does not count as the attempt's own fault."""


@dataclass
class Errand:
    number: int


def _seconds(number: int, ctx: StepContext) -> float:
    is_long = number % 83 == 7 and ctx.runnable_key.endswith((":second:1", ":left:1"))
    return 1.5 * LEASE if is_long else random.uniform(0, 0.01)  # noqa: S311  # only to be caught at any point


def _begin(ctx: StepContext, log: SideLog) -> str:
    token = uuid4().hex
    log.tell("body", run=ctx.run_id, key=ctx.runnable_key, claim=ctx.claim_id, token=token)
    return token


def act(ctx: StepContext, log: Resource[SideLog], number: int, before: str | None = None) -> dict[str, Any]:
    token = _begin(ctx, log)
    time.sleep(_seconds(number, ctx))
    return {"token": token, "saw": {"before": before}}


async def glide(ctx: StepContext, log: Resource[SideLog], number: int, before: str | None = None) -> dict[str, Any]:
    token = _begin(ctx, log)
    await asyncio.sleep(_seconds(number, ctx))
    return {"token": token, "saw": {"before": before}}


def join(ctx: StepContext, log: Resource[SideLog], left: str, middle: str, right: str) -> dict[str, Any]:
    return {"token": _begin(ctx, log), "saw": {"left": left, "middle": middle, "right": right}}


def stumble(ctx: StepContext, log: Resource[SideLog], number: int, before: str) -> dict[str, Any]:
    """Fail at the first two attempts."""
    result = act(ctx, log, number, before)
    if ctx.attempt < 3:
        raise OSError("not yet")
    return result


def hesitate(ctx: StepContext, log: Resource[SideLog], number: int, before: str) -> dict[str, Any] | Defer:
    """Ask for more time twice."""
    result = act(ctx, log, number, before)
    return result if ctx.runnable_key.endswith(":deferred#2") else Defer("not yet", after=0.02)


def end_the_process(ctx: StepContext, log: Resource[SideLog]) -> dict[str, Any]:
    _begin(ctx, log)
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


def _after(name: str) -> dict[str, str]:
    return {"before": f"{name}.token", "number": "number"}


class Chain(Workflow, name="chain"):
    go = trigger.manual(Errand)
    first = step(act, output="first", max_deliveries=OFTEN)
    second = step(act, output="second", input=_after("first"), max_deliveries=OFTEN)
    third = step(glide, output="third", input=_after("second"), max_deliveries=OFTEN)
    fourth = step(act, output="fourth", input=_after("third"), max_deliveries=OFTEN)
    fifth = step(act, output="fifth", input=_after("fourth"), max_deliveries=OFTEN)
    transitions = sequence(first, second, third, fourth, fifth)


class Soft(Workflow, name="soft"):
    """Coroutines alone."""

    go = trigger.manual(Errand)
    first = step(glide, output="first", max_deliveries=OFTEN)
    second = step(glide, output="second", input=_after("first"), max_deliveries=OFTEN)
    third = step(glide, output="third", input=_after("second"), max_deliveries=OFTEN)
    transitions = sequence(first, second, third)


class Fan(Workflow, name="fan"):
    go = trigger.manual(Errand)
    root = step(act, output="root", max_deliveries=OFTEN)
    left = step(act, output="left", input=_after("root"), after=[root], max_deliveries=OFTEN)
    middle = step(glide, output="middle", input=_after("root"), after=[root], max_deliveries=OFTEN)
    right = step(act, output="right", input=_after("root"), after=[root], max_deliveries=OFTEN)
    joined = step(
        join,
        output="joined",
        input={name: f"{name}.token" for name in ("left", "middle", "right")},
        after=[left, middle, right],
        max_deliveries=OFTEN,
    )


class Stumbling(Workflow, name="stumbling"):
    """A retry and a wait."""

    go = trigger.manual(Errand)
    first = step(act, output="first", max_deliveries=OFTEN)
    second = step(
        stumble,
        output="second",
        input=_after("first"),
        retry=Retry(3, Backoff(min=0.02, max=0.04)),
        max_deliveries=OFTEN,
    )
    rest = step.wait(0.03)
    third = step(act, output="third", input=_after("second"), max_deliveries=OFTEN)
    transitions = sequence(first, second, rest, third)


class Hesitant(Workflow, name="hesitant"):
    """A deferral."""

    go = trigger.manual(Errand)
    first = step(act, output="first", max_deliveries=OFTEN)
    second = step(hesitate, output="second", input=_after("first"), max_deliveries=OFTEN)
    third = step(act, output="third", input=_after("second"), max_deliveries=OFTEN)
    transitions = sequence(first, second, third)


class Gated(Workflow, name="gated"):
    """A pause and an approval, whose answer decides which way the run goes."""

    go = trigger.manual(Errand)
    first = step(act, output="first", max_deliveries=OFTEN)
    hold = step.pause()
    second = step(act, output="second", input=_after("first"), max_deliveries=OFTEN)
    council = step.approval(output="council")
    third = step(act, output="third", input=_after("second"), max_deliveries=OFTEN)
    sorry = step(act, output="sorry", input=_after("second"), max_deliveries=OFTEN)
    transitions = (*sequence(first, hold, second, council, third), council.error.to(sorry))


class Neighbour(Workflow, name="neighbour"):
    """Comes back again and again for some seconds, so that it runs beside whatever else does. Usual deliveries."""

    go = trigger.manual(Errand)
    first = step(act, output="first")
    noon = step.wait(LEASE)
    second = step(act, output="second", input=_after("first"))
    evening = step.wait(LEASE)
    third = step(glide, output="third", input=_after("second"))
    night = step.wait(LEASE)
    fourth = step(act, output="fourth", input=_after("third"))
    dawn = step.wait(LEASE)
    fifth = step(act, output="fifth", input=_after("fourth"))
    transitions = sequence(first, noon, second, evening, third, night, fourth, dawn, fifth)


class Poison(Workflow, name="poison"):
    go = trigger.manual(Errand)
    drink = step(end_the_process)


SHAPES = {"chain": Chain.go, "soft": Soft.go, "fan": Fan.go, "stumbling": Stumbling.go, "hesitant": Hesitant.go}
"""The triggers of those that complete by themselves, by the name of their workflow."""
TRIGGERS = {**SHAPES, "gated": Gated.go, "neighbour": Neighbour.go, "poison": Poison.go}
ALL: tuple[type[Workflow], ...] = (Chain, Soft, Fan, Stumbling, Hesitant, Gated, Neighbour, Poison)
