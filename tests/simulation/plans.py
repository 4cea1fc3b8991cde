"""Workflows at random, as data: chains with routes, loops, gates and waits, and graphs of dependencies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from hypothesis import strategies as st

Act = Literal["ok", "fail", "give up", "retry later", "defer", "take long"]
"""What a body does when it is called."""
Kind = Literal["run", "wait", "log", "pause", "approval"]

WAIT = 0.04
"""Seconds: how long waits, deferrals and backoffs of these workflows take, at most; and what some steps may take."""


@dataclass(frozen=True)
class StepPlan:
    """`acts`: one for each call in turn, the last for all further ones. `value`: what its result holds."""

    kind: Kind = "run"
    acts: tuple[Act, ...] = ("ok",)
    value: int = 0
    attempts: int = 1
    compensated: bool = False
    """It has a compensation, which fails once where `acts` is longer than one."""
    irreversible: bool = False
    is_async: bool = False
    error_to: int | None = None
    """The step of its error route: -1 is the end."""
    branch: tuple[int, int] | None = None
    """Where the step's value is the first, the run goes to the step of the second number."""
    loops: bool = False
    """Twice it goes back to the first step."""
    children: int = 0
    """So many runs of a workflow without children its body starts."""
    in_bulk: bool = False
    """It starts them all at once."""
    awaited: bool = False
    """The step waits for them."""
    timeout: float | None = None
    """Seconds."""
    deadline: float | None = None
    """Seconds."""
    transaction: bool = False
    """The body writes a row of its own in the store's database."""
    after: tuple[int, ...] = ()


@dataclass(frozen=True)
class Plan:
    """A workflow to be made."""

    steps: tuple[StepPlan, ...]
    graph: bool = False
    fails_on_drift: bool = False


def plans(*, transactions: bool = False) -> st.SearchStrategy[Plan]:
    """Chains and graphs of one to five steps; with `transactions` some of their bodies write rows of their own."""
    return st.one_of(_chains(transactions), _graphs(transactions))


@st.composite
def _chains(draw: st.DrawFn, transactions: bool) -> Plan:  # noqa: FBT001  # of this module alone
    count = draw(st.integers(1, 5))
    steps = tuple(draw(_chained(place, count, transactions)) for place in range(count))
    return Plan(steps, fails_on_drift=draw(_RARELY))


@st.composite
def _chained(draw: st.DrawFn, place: int, count: int, transactions: bool) -> StepPlan:  # noqa: FBT001  # as above
    kind: Kind = draw(st.sampled_from(["run", "run", "run", "run", "wait", "log", "pause", "approval"]))
    later = list(range(place + 1, count))
    errors = st.sampled_from([None, -1, *later]) if kind != "approval" else st.sampled_from([-1, *later])
    if kind in ("wait", "log", "pause"):
        errors = st.none()
    value = draw(st.integers(0, 2))
    branches = (
        st.none() if not later or kind != "run" else st.none() | st.tuples(st.just(value), st.sampled_from(later))
    )
    given: dict[str, Any] = {}
    if kind == "run":
        given = draw(_bodies(transactions))
    elif kind in ("pause", "approval"):
        given = {"deadline": draw(_LATE)}
    return StepPlan(
        kind=kind,
        **given,
        value=value,
        error_to=draw(errors),
        branch=draw(branches),
        loops=kind == "run" and place > 0 and draw(_RARELY),
    )


@st.composite
def _graphs(draw: st.DrawFn, transactions: bool) -> Plan:  # noqa: FBT001  # as above
    steps: list[StepPlan] = []
    for place in range(draw(st.integers(2, 5))):
        kind: Kind = draw(st.sampled_from(["run", "run", "run", "wait", "log"]))
        after = draw(st.sets(st.integers(0, place - 1), max_size=3)) if place else set[int]()
        if place == 1 and not after:
            after = {0}  # without any dependency it would be a chain without transitions
        bodies = draw(_bodies(transactions)) if kind == "run" else {}
        steps.append(StepPlan(kind=kind, after=tuple(sorted(after)), **bodies))
    return Plan(tuple(steps), graph=True, fails_on_drift=draw(_RARELY))


@st.composite
def _bodies(draw: st.DrawFn, transactions: bool) -> dict[str, Any]:  # noqa: FBT001  # as above
    acts: list[Act] = draw(st.lists(st.sampled_from(_ACTS), max_size=2))
    transaction = transactions and draw(st.booleans())
    recovery = draw(st.sampled_from(["none", "none", "compensated", "compensated", "irreversible"]))
    return {
        "acts": (*acts, "ok" if draw(st.integers(0, 5)) else "fail"),
        "attempts": draw(st.integers(1, 4)),
        "compensated": recovery == "compensated",
        "irreversible": recovery == "irreversible",
        "is_async": not transaction and draw(_RARELY),
        "children": draw(st.sampled_from([0, 0, 0, 1, 2])),
        "in_bulk": draw(st.booleans()),
        "awaited": draw(st.booleans()),
        "timeout": draw(_LATE),
        "deadline": draw(_LATE),
        "transaction": transaction,
    }


_RARELY = st.integers(0, 5).map(lambda number: number == 1)
_LATE = st.sampled_from([None, None, None, WAIT])
_ACTS: Sequence[Act] = ("ok", "fail", "retry later", "defer", "give up", "take long")
