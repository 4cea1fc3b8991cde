"""The workflows of these tests."""

from __future__ import annotations

from typing import Any

from squidie_core import Backoff, Defer, Retry, Workflow, sequence, step, trigger

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


LOOPS = (Circling, CirclingSoftly, Deferring, DeferringSoftly, Retrying)
ALL = (*LOOPS, Good)
