"""Workflows whose steps end in every way that there is."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from squidie_core import Defer, Resource, Retry, StepContext, Workflow, step, trigger, where
from squidie_core.authoring import Backoff
from tests.runtime.flows import Stage


def fail_once(ctx: StepContext) -> dict[str, Any]:
    if ctx.attempt == 1:
        raise ConnectionError("precious: postgresql://app:hunter2@host/db is away")
    return {}


class Retrying(Workflow, name="retrying"):
    begin = trigger.manual()
    act = step(fail_once, retry=Retry(2, Backoff(min=0, max=0)))


class Failing(Workflow, name="failing"):
    begin = trigger.manual()
    act = step(fail_once)


def defer_once(ctx: StepContext) -> Mapping[str, Any] | Defer:
    return {} if ctx.runnable_key.endswith(":deferred") else Defer("later", after=0)


class Deferring(Workflow, name="deferring"):
    begin = trigger.manual()
    act = step(defer_once)


async def wait_for_ever(ctx: StepContext, stage: Resource[Stage]) -> dict[str, Any]:
    stage.begin(ctx)
    await asyncio.Event().wait()
    return {}


class Endless(Workflow, name="endless"):
    begin = trigger.manual()
    act = step(wait_for_ever)


def grow() -> dict[str, Any]:
    return {"grown": "x" * 100_000}


class Large(Workflow, name="large"):
    """Its journal is long enough for a checkpoint before it is over."""

    begin = trigger.manual()
    grow = step(grow)
    hold = step.pause()
    transitions = (grow.ok.to(hold),)


def stray() -> dict[str, Any]:
    return {"way": "none of these"}


class Unlucky(Workflow, name="unlucky"):
    """Its only route does not match, which no body is to blame for."""

    begin = trigger.manual()
    stray = step(stray, output="chosen")
    arrive = step(grow)
    transitions = (stray.ok.to(arrive, when=where("chosen.way").equals("this one")),)
