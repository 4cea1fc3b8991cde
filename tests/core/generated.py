"""Strategies for small workflows that may be declared, and for what may happen to their runs."""

from __future__ import annotations

from typing import Any, Literal

from hypothesis import strategies as st

from squidie_core.definition.model import (
    END,
    DeadlinePolicy,
    Definition,
    Parameter,
    RetryPolicy,
    StepDefinition,
    Transition,
)
from squidie_core.definition.plan import Plan
from squidie_core.journal.dynamic import WorkEdge, WorkNode, WorkOrigin
from squidie_core.journal.entries import DynamicWorkRecorded
from tests.core.runs import error, ok, when

retries = (
    st.none()
    | st.builds(RetryPolicy, max_attempts=st.integers(1, 3))
    | st.builds(
        RetryPolicy, max_attempts=st.integers(1, 3), min=st.just(1_000), max=st.just(40_000), jitter=st.booleans()
    )
)
deadlines = st.none() | st.builds(
    DeadlinePolicy, within=st.just(2_000), due_soon=st.sampled_from([0, 500]), escalate_after=st.none() | st.just(0)
)
conditions = st.builds(
    when,
    path=st.sampled_from(["n", "n", "error.code", "nowhere.x", "list.0"]),
    operator=st.sampled_from(["equals", "greater_than", "less_than"]),
    value=st.integers(0, 2),
)
results = st.fixed_dictionaries(
    {}, optional={"n": st.integers(0, 2), "list": st.lists(st.integers(0, 2), max_size=1), "extra": st.just("x")}
)


@st.composite
def steps(
    draw: st.DrawFn, name: str, kinds: tuple[str, ...], *, first: bool, after: tuple[str, ...] = ()
) -> StepDefinition:
    kind: Any = draw(st.sampled_from(kinds))
    options: dict[str, Any] = {"name": name, "kind": kind, "after": after}
    if kind == "run":
        inputs = [None, (), (), ("n",), ("n",), ("n",), ("n", "error?", "extra?")]
        if not first:  # once in a while a step needs what the run may not have
            inputs.append(("extra",))
        takes = draw(st.sampled_from(inputs))
        options["parameters"] = takes and tuple(
            Parameter(name=item.rstrip("?"), required=not item.endswith("?")) for item in takes
        )
        options["retry"] = draw(retries)
        options["max_deliveries"] = draw(st.sampled_from([1, 2, 5]))
        if draw(st.booleans()):
            options |= {"compensate": "m.undo", "compensate_retry": draw(retries)}
        options["timeout"] = draw(st.sampled_from([None, None, 1, 30_000]))
        options["await_children"] = draw(st.booleans())
    if kind == "wait":
        options["duration"] = draw(st.sampled_from([1, 1_000, 90_000]))
    if kind == "log":
        options |= {"message": "the road goes ever on", "level": "info"}
    if kind == "approval":
        options["output"] = draw(st.none() | st.just("council"))
    if kind in ("run", "pause", "approval"):
        options["deadline"] = draw(deadlines)
    return StepDefinition(**options)


RUN_AND_BUILT_INS = ("run", "run", "run", "run", "wait", "log")


@st.composite
def dependency_plans(draw: st.DrawFn) -> Plan:
    """Up to five steps, each after any of those before it."""
    made: list[StepDefinition] = []
    for number in range(draw(st.integers(1, 5))):
        before = [item.name for item in made]
        after = draw(st.lists(st.sampled_from(before), max_size=3, unique=True)) if before else []
        made.append(draw(steps(f"s{number}", RUN_AND_BUILT_INS, first=not after, after=tuple(sorted(after)))))
    return Plan(Definition(name="w", steps=tuple(made)))


@st.composite
def transition_plans(draw: st.DrawFn) -> Plan:
    """Up to four steps in a line, with shortcuts, conditions, error routes and limited ways back."""
    count = draw(st.integers(1, 4))
    kinds = (*RUN_AND_BUILT_INS, "pause", "approval")
    made = [draw(steps(f"s{number}", kinds, first=number == 0)) for number in range(count)]
    transitions: list[Transition] = []
    for number, step in enumerate(made):
        onward = [other.name for other in made[number + 1 :]] + [END]
        back = [other.name for other in made[: number + 1]]
        forks = step.kind not in ("pause", "approval")
        if draw(st.booleans()):
            condition = draw(st.none() | conditions) if forks else None
            limit = draw(st.integers(1, 2))
            transitions.append(ok(step.name, draw(st.sampled_from(back)), condition=condition, max_visits=limit))
        if forks and draw(st.booleans()):
            transitions.append(ok(step.name, draw(st.sampled_from(onward)), condition=draw(conditions)))
        if number + 1 < count:
            narrow = forks and draw(st.sampled_from([False, False, False, True]))
            others = [other.condition for other in transitions if other.source == step.name]
            narrowed = draw(conditions) if narrow else None
            transitions.append(ok(step.name, onward[0], condition=None if narrowed in others else narrowed))
        elif not forks or not transitions or draw(st.booleans()):
            transitions.append(ok(step.name, END))
        if step.kind == "approval" or (step.kind == "run" and draw(st.booleans())):
            target = draw(st.sampled_from(onward + back))
            visits = draw(st.integers(1, 2)) if target in back else None
            recovery: Any = draw(st.sampled_from([None, "undo", "compensation"]))
            transitions.append(error(step.name, target, max_visits=visits, recovery=recovery))
    return Plan(Definition(name="w", steps=tuple(made), transitions=tuple(transitions)))


plans = dependency_plans() | transition_plans()

Happening = Literal[
    "pass",
    "expire",
    "claim",
    "complete",
    "fail",
    "defer",
    "release",
    "heartbeat",
    "stale",
    "decide",
    "cancel",
    "add",
    "undo",
    "link",
    "join",
]
Action = tuple[Happening, Any]

places = st.integers(0, 9)
"""Which of the open runnables."""

some_time = st.sampled_from([-5, 0, 1, 999, 1_000, 29_999, 30_000, 100_000])

actions: st.SearchStrategy[Action] = st.one_of(
    st.tuples(st.just("claim"), st.tuples(st.sampled_from([0, 1, 2, 9]), st.sampled_from([0, 0, 2_000]))),
    st.tuples(st.just("claim"), st.tuples(st.just(9), st.just(0))),
    st.tuples(st.just("complete"), st.tuples(places, results)),
    st.tuples(st.just("complete"), st.tuples(places, results)),
    st.tuples(
        st.just("fail"),
        st.tuples(
            places,
            st.fixed_dictionaries({"code": st.integers(0, 2)}, optional={"retryable": st.booleans()}),
            st.none() | st.sampled_from([0, 5_000]),
        ),
    ),
    st.tuples(st.just("defer"), st.tuples(places, st.sampled_from([0, 5_000]))),
    st.tuples(st.just("release"), places),
    st.tuples(st.just("heartbeat"), st.sampled_from([30_000, 60_000])),
    st.tuples(st.just("stale"), places),
    st.tuples(st.just("pass"), some_time),
    st.tuples(st.just("expire"), st.none()),
    st.tuples(st.just("decide"), st.sampled_from(["resume_run", "approve_run", "reject_run"])),
)


@st.composite
def dynamic_works(draw: st.DrawFn) -> DynamicWorkRecorded:
    """Up to four nodes, each after any of those before it; the origin's place among the runnables is its attempt."""
    key = draw(st.sampled_from(["k", "l"]))
    names = [f"{key}{number}" for number in range(draw(st.integers(1, 4)))]
    pairs = [(before, name) for number, name in enumerate(names) for before in names[:number]]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    return DynamicWorkRecorded(
        0,
        dynamic_key=key,
        origin=WorkOrigin("", "", draw(places)),
        nodes=tuple(WorkNode(name, "send", {"n": 1}, draw(retries)) for name in names),
        edges=tuple(WorkEdge(f"{before}:{name}", before, name) for before, name in chosen),
        status=draw(st.sampled_from(["scheduled", "scheduled", "recorded"])),
    )


additions: st.SearchStrategy[Action] = st.tuples(st.just("add"), dynamic_works())
"""Of dynamic work."""
_links: st.SearchStrategy[Action] = st.tuples(
    st.just("link"), st.tuples(places, st.lists(st.sampled_from("xyz"), min_size=1, max_size=2, unique=True))
)
_joins: st.SearchStrategy[Action] = st.tuples(
    st.just("join"), st.tuples(st.integers(0, 3), st.sampled_from([False, False, False, True]))
)
family: st.SearchStrategy[Action] = _links | _joins
"""Of children: steps that start them, and so many that have ended when somebody looks."""
cancellations: st.SearchStrategy[Action] = st.tuples(st.just("cancel"), st.sampled_from([None, "key"]))
undoing: st.SearchStrategy[Action] = st.tuples(
    st.just("undo"), st.tuples(st.sampled_from([None, "key"]), st.sampled_from([True, None, False]))
)
