"""Strategies for the values and entries of a journal."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta, timezone
from typing import Any, get_args

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from squidie_core.definition.model import RetryPolicy
from squidie_core.journal.dynamic import WorkEdge, WorkNode, WorkOrigin
from squidie_core.journal.entries import (
    ENTRY_CLASSES,
    AttemptClaimed,
    AttemptCompleted,
    AttemptFailed,
    AttemptHeartbeat,
    AttemptReleased,
    ChildrenAwaited,
    ChildRunEnded,
    ChildRunStarted,
    CompensationStarted,
    Deadline,
    Decision,
    DynamicWorkRecorded,
    Entry,
    ManualStepPaused,
    ManualStepResolved,
    Runnable,
    RunnableApplied,
    RunnablesPlanned,
    RunSignalReceived,
    RunStarted,
    RunTerminal,
    Signal,
)

QUICK = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
THOROUGH = settings(QUICK, max_examples=120)

texts = st.text(st.characters(), max_size=8) | st.sampled_from(["", "\x00", "$squidie", "value", "\udcff", "dict"])
"""Surrogates and NUL included."""

fixed_offsets = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**4096) + 1, 2**4096 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
)

# ISO 8601 has no word for `fold`: an offset says the same, and a naive time is not a moment.
tagged: st.SearchStrategy[Any] = (
    st.datetimes(timezones=st.none() | fixed_offsets).map(lambda moment: moment.replace(fold=0))
    | st.dates()
    | st.times(timezones=st.none() | fixed_offsets).map(lambda moment: moment.replace(fold=0))
    | st.timedeltas()
    | st.uuids()
    | st.decimals(allow_nan=False)
    | st.binary(max_size=8)
)


def _nested(leaves: st.SearchStrategy[Any], keys: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
        max_leaves=8,
    )


def joined(text: str) -> str:
    """The text with the halves of surrogate pairs joined: no text with such halves side by side is stored."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


user_values = _nested(scalars | tagged, texts.map(joined)).map(
    lambda value: joined(value) if isinstance(value, str) else value
)
"""Whatever a body may return or a payload may hold."""

plain_values = _nested(st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab\u00e9\x00", max_size=3), texts)
"""Plain JSON."""

mappings = st.dictionaries(st.text("ab", max_size=2), plain_values, max_size=2)

KEYS = ("r:a:1", "r:a:2", "r:a#2:1", "r:b:1", "r:b:1:deferred", "unknown")

keys = st.sampled_from(KEYS)
claim_ids = st.sampled_from(["c1", "c2"])
steps = st.sampled_from(["a", "b"])
child_ids = st.sampled_from(["x", "y"])
child_keys = st.sampled_from(["k", "l"])
kinds = st.sampled_from(["run", "run", "wait", "log", "pause", "approval", "compensation"])
times = st.integers(0, 60)
optional = st.none() | st.text("ab", max_size=2)

deadlines = st.builds(
    Deadline,
    started_at=times,
    due_at=times,
    due_soon_at=st.none() | times,
    escalated_at=st.none() | times,
    escalation=st.sampled_from(["diagnostic", "operator_action"]),
)
runnables = st.builds(
    Runnable,
    key=keys,
    step=steps,
    visible_at=times,
    kind=kinds,
    attempt=st.integers(1, 3),
    visit=st.integers(1, 2),
    input=st.none() | mappings,
    idempotency_key=optional,
    previous=st.none() | keys,
    deadline=st.none() | deadlines,
    dynamic=st.none() | st.sampled_from(["send", "join"]),
)
decisions = st.builds(
    Decision,
    source=steps,
    on=st.sampled_from(["ok", "error"]),
    target=st.sampled_from(["a", "b", "__complete__"]),
    index=st.integers(0, 2),
    recovery=st.sampled_from([None, "undo", "compensation"]),
)
work_nodes = st.builds(
    WorkNode,
    id=steps,
    action=st.none() | st.sampled_from(["send", "join"]),
    input=mappings,
    retry=st.none() | st.builds(RetryPolicy, max_attempts=st.integers(1, 3), min=st.just(5)),
    timeout=st.none() | st.just(5),
    metadata=mappings,
)
work_edges = st.builds(WorkEdge, id=optional.map(str), source=steps, target=steps, type=st.just("dynamic"))
_entries: tuple[st.SearchStrategy[Entry], ...] = (
    st.builds(
        RunSignalReceived,
        at=times,
        signal=st.sampled_from(get_args(Signal)),
        payload=mappings,
        metadata=mappings,
        idempotency_key=optional,
        actor=plain_values,
        comment=optional,
    ),
    st.builds(
        RunStarted,
        at=times,
        run_id=st.just("r"),
        workflow=st.just("w"),
        trigger=st.just("t"),
        input=mappings,
        definition=st.just("0" * 64),
        queue=st.just("default"),
        priority=st.integers(0, 9),
        payload_digest=st.just("1" * 64),
        version=optional,
        tags=st.lists(st.text("ab", max_size=2), max_size=2).map(tuple),
        context=mappings,
        replayed_from=optional,
        on_drift=st.sampled_from(["continue", "fail"]),
    ),
    st.builds(RunnablesPlanned, at=times, runnables=st.lists(runnables, max_size=3).map(tuple)),
    st.builds(
        AttemptClaimed,
        at=times,
        runnable_key=keys,
        claim_id=claim_ids,
        owner_id=st.sampled_from(["w1", "w2"]),
        lease_until=times,
    ),
    st.builds(
        AttemptHeartbeat,
        at=times,
        claims=st.dictionaries(keys, claim_ids, max_size=2),
        lease_until=times,
    ),
    st.builds(AttemptReleased, at=times, runnable_key=keys, claim_id=claim_ids, counts=st.booleans()),
    st.builds(AttemptCompleted, at=times, runnable_key=keys, claim_id=st.none() | claim_ids, result=mappings),
    st.builds(
        AttemptFailed,
        at=times,
        runnable_key=keys,
        claim_id=st.none() | claim_ids,
        error=mappings,
        retry_key=st.none() | keys,
    ),
    st.builds(
        RunnableApplied,
        at=times,
        runnable_key=keys,
        decision=st.none() | decisions,
        deferred=plain_values,
        children=st.sampled_from([None, None, "", "a"]),
    ),
    st.builds(
        ChildRunStarted,
        at=times,
        runnable_key=keys,
        child_run_id=child_ids,
        child_workflow=st.just("w"),
        child_trigger=st.just("t"),
        child_key=child_keys,
        payload_digest=st.just("2" * 64),
        metadata=mappings,
    ),
    st.builds(
        ChildRunEnded,
        at=times,
        step=steps,
        child_key=child_keys,
        child_run_id=child_ids,
        status=st.sampled_from(["completed", "failed", "cancelled", "quarantined", "lost"]),
        output=st.none() | mappings,
        error=st.none() | mappings,
    ),
    st.builds(ChildrenAwaited, at=times, runnable_key=keys, look_at=times),
    st.builds(
        ManualStepPaused,
        at=times,
        runnable_key=keys,
        step=steps,
        kind=st.sampled_from(["pause", "approval"]),
        deadline=st.none() | deadlines,
    ),
    st.builds(
        ManualStepResolved,
        at=times,
        runnable_key=keys,
        step=steps,
        action=st.sampled_from(["resumed", "approved", "rejected"]),
        result=mappings,
    ),
    st.builds(
        DynamicWorkRecorded,
        at=times,
        dynamic_key=st.sampled_from(["k", "l"]),
        origin=st.builds(WorkOrigin, runnable_key=keys, step=steps, attempt=st.integers(1, 3)),
        nodes=st.lists(work_nodes, min_size=1, max_size=2, unique_by=lambda node: node.id).map(tuple),
        edges=st.lists(work_edges, max_size=2).map(tuple),
        status=st.sampled_from(["recorded", "scheduled"]),
        metadata=mappings,
        reason=optional,
    ),
    st.builds(
        CompensationStarted,
        at=times,
        status=st.sampled_from(["failed", "cancelled"]),
        steps=st.lists(steps, max_size=2).map(tuple),
        error=st.none() | mappings,
    ),
    st.builds(
        RunTerminal,
        at=times,
        status=st.sampled_from(["completed", "failed", "cancelled"]),
        error=st.none() | mappings,
    ),
)
entries_of: Mapping[type[Entry], st.SearchStrategy[Entry]] = dict(zip(ENTRY_CLASSES, _entries, strict=True))
entries = st.one_of(_entries)
"""Any entry about two steps of the run `r`, possible or not."""
