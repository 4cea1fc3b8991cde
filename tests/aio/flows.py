"""Coroutine bodies that tests watch and hold, and a stage for them in the test's own loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

from squidie_core import Resource, Retry, StepContext, Workflow, end, sequence, step, trigger
from tests.runtime.waiting import PATIENCE


class Scene:
    """What bodies did. `act` is what they do when their turn comes; `loops` are those that they ran in."""

    def __init__(self, act: Callable[[Scene, StepContext], Awaitable[Any]] | None = None) -> None:
        self.act = act or wait_for_ever
        self.entered: list[StepContext] = []
        self.loops: set[asyncio.AbstractEventLoop] = set()
        self.threads: set[int] = set()
        self.cancelled = 0
        self.left: asyncio.Task[None] | None = None
        self.may_go = threading.Event()

    def enter(self, ctx: StepContext) -> None:
        """Say that a body has begun."""
        self.threads.add(threading.get_ident())
        self.entered.append(ctx)


async def wait_for_ever(scene: Scene, _ctx: StepContext) -> dict[str, Any]:
    """Until the test says go, and that is seen soon; cancelled bodies are counted."""
    try:
        while not scene.may_go.is_set():  # noqa: ASYNC110  # an asyncio.Event would belong to one loop
            await asyncio.sleep(0.002)
    except asyncio.CancelledError:
        scene.cancelled += 1
        raise
    return {"played": True}


async def swallow(scene: Scene, ctx: StepContext) -> dict[str, Any]:
    """The same, but cancellation is taken for a reason to finish, when the test says so."""
    try:
        return await wait_for_ever(scene, ctx)
    except asyncio.CancelledError:
        while not scene.may_go.is_set():  # noqa: ASYNC110
            await asyncio.sleep(0.002)
        return {"played": "late"}


async def raise_it(_scene: Scene, _ctx: StepContext) -> None:
    """A cancellation that nobody asked for."""
    raise asyncio.CancelledError


async def await_it(_scene: Scene, _ctx: StepContext) -> None:
    """That of something that was awaited."""
    other = asyncio.create_task(asyncio.sleep(PATIENCE))
    other.cancel()
    await other


async def ask_for_it(_scene: Scene, _ctx: StepContext) -> None:
    """The body's own task, by its own hand."""
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await asyncio.sleep(PATIENCE)


OWN_CANCELLATIONS = (raise_it, await_it, ask_for_it)
"""How a body may come by a CancelledError that nobody sent it."""


async def play(ctx: StepContext, scene: Resource[Scene]) -> Any:
    scene.loops.add(asyncio.get_running_loop())
    scene.enter(ctx)
    return await scene.act(scene, ctx)


def speak(ctx: StepContext, scene: Resource[Scene]) -> dict[str, Any]:
    scene.enter(ctx)
    assert scene.may_go.wait(PATIENCE)
    return {"spoken": True}


class Play(Workflow, name="play"):
    """One coroutine."""

    begin = trigger.manual()
    act = step(play)


class PlayTwice(Workflow, name="play-twice"):
    """One coroutine, tried twice."""

    begin = trigger.manual()
    act = step(play, retry=Retry(2, None))


class Brief(Workflow, name="brief"):
    """One coroutine, tried twice, each time for a moment."""

    begin = trigger.manual()
    act = step(play, timeout=0.05, retry=Retry(2, None))


class Speech(Workflow, name="speech"):
    """One plain body."""

    begin = trigger.manual()
    act = step(speak)


class Mixed(Workflow, name="mixed"):
    """One of each, in turn, and an approval."""

    begin = trigger.manual(who=str)
    act = step(play)
    ask = step.approval(output="answer")
    speak = step(speak)
    transitions = (*sequence(act, ask, speak), ask.error.to(end))
