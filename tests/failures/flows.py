"""The workflows of these tests."""

from __future__ import annotations

import time
from typing import Any

from squidie_core import Backoff, Defer, Resource, Retry, StepContext, Workflow, sequence, step, trigger
from squidie_core.journal.identity import is_deferred_key
from tests.runtime.trails import Trail
from tests.runtime.waiting import eventually

FOR_EVER = 1_000_000_000


def nothing() -> dict[str, Any]:
    return {}


async def nothing_softly() -> dict[str, Any]:
    return {}


def not_yet() -> Defer:
    return Defer("not yet", after=0)


async def not_yet_softly() -> Defer:
    return Defer("not yet", after=0)


def fail() -> None:
    raise OSError("not today")


class Circling(Workflow, name="circling"):
    """Goes round and round."""

    begin = trigger.manual()
    there = step(nothing)
    back = step(nothing)
    transitions = (there.ok.to(back, max_visits=FOR_EVER), back.ok.to(there, max_visits=FOR_EVER))


class CirclingSoftly(Workflow, name="circling-softly"):
    """The same with coroutines."""

    begin = trigger.manual()
    there = step(nothing_softly)
    back = step(nothing_softly)
    transitions = (there.ok.to(back, max_visits=FOR_EVER), back.ok.to(there, max_visits=FOR_EVER))


class Deferring(Workflow, name="deferring"):
    """Puts itself off, for no time at all."""

    begin = trigger.manual()
    act = step(not_yet)


class DeferringSoftly(Workflow, name="deferring-softly"):
    """The same with a coroutine."""

    begin = trigger.manual()
    act = step(not_yet_softly)


class Retrying(Workflow, name="retrying"):
    """Fails and is tried again, at once."""

    begin = trigger.manual()
    act = step(fail, retry=Retry(FOR_EVER, Backoff(min=0, max=0)))


class Good(Workflow, name="good"):
    """What has to get through."""

    begin = trigger.manual()
    first = step(nothing)
    second = step(nothing)
    third = step(nothing)
    transitions = sequence(first, second, third)


def stamp(ctx: StepContext, trail: Resource[Trail]) -> dict[str, Any]:
    """Say when it is, by a clock that nobody can set."""
    trail.write(f"{ctx.run_id}:{ctx.step} {time.monotonic_ns() // 1_000_000}")
    return {}


def fail_at_first(ctx: StepContext, trail: Resource[Trail]) -> dict[str, Any]:
    stamp(ctx, trail)
    if ctx.attempt == 1:
        raise OSError("not at first")
    return {}


def put_off_at_first(ctx: StepContext, trail: Resource[Trail]) -> Defer | dict[str, Any]:
    stamp(ctx, trail)
    return {} if is_deferred_key(ctx.runnable_key) else Defer("not at first", after=PAUSE)


def hold(ctx: StepContext, trail: Resource[Trail]) -> dict[str, Any]:
    """Wait until somebody writes `go`."""
    stamp(ctx, trail)
    eventually(lambda: "go" in trail.lines())
    return {}


PAUSE = 0.3


class Timed(Workflow, name="timed"):
    """All that takes time: a wait, a retry, a deferral."""

    begin = trigger.manual()
    before = step(stamp)
    rest = step.wait(PAUSE)
    retried = step(fail_at_first, retry=Retry(3, Backoff(min=PAUSE, max=PAUSE, jitter=False)))
    deferred = step(put_off_at_first)
    after = step(stamp)
    transitions = sequence(before, rest, retried, deferred, after)


class Holding(Workflow, name="holding"):
    begin = trigger.manual()
    held = step(hold)
    after = step(stamp)
    transitions = sequence(held, after)


LOOPS = (Circling, CirclingSoftly, Deferring, DeferringSoftly, Retrying)
PLAIN = (*LOOPS, Good)
"""Those that need no resources."""
ALL = (*PLAIN, Timed, Holding)
