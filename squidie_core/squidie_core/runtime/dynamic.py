"""Reading dynamic work that an application gives: its shape, its names, its actions. Nothing of a run is looked at."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, NoReturn, TypeVar, cast

from squidie_core.authoring import milliseconds
from squidie_core.authoring.dynamic import DynamicEdge, DynamicNode, DynamicWork
from squidie_core.definition.graph import circles
from squidie_core.definition.step_rules import RESERVED
from squidie_core.errors import DynamicWorkError, EncodingError
from squidie_core.journal.dynamic import WorkEdge, WorkNode, WorkOrigin
from squidie_core.journal.entries import DynamicWorkRecorded, Json, WorkStatus
from squidie_core.journal.redaction import redact
from squidie_core.journal.values import encode_mapping
from squidie_core.runtime.actions import Actions
from squidie_core.runtime.retries import retry_policy

T = TypeVar("T")

MAX_NODES = 1_000
_MAX_NAME = 200
_ORIGIN = ("runnable_key", "step", "attempt")
_EDGE = {"from": "source", "to": "target"}


def read_work(
    given: DynamicWork | Mapping[str, Any], status: WorkStatus, actions: Actions | None
) -> DynamicWorkRecorded:
    """The entry for the work, without its time. Values are encoded, secret-looking metadata is redacted.

    Where there are `actions`, each node must have one of them; work that is to be scheduled needs them. Raises
    DynamicWorkError for the first thing that is wrong.
    """
    work = _as(DynamicWork, given, {"dynamic_key": "key"})
    if work is None:
        _refuse("attrs", "invalid", "it is no DynamicWork and no mapping of its fields")
    if status == "scheduled" and actions is None:
        _refuse("action_registry", "required", "there are no actions; pass actions={...} to Squidie(...)")
    key = _name(work.key, "dynamic_key", "invalid", "its key")
    origin = _origin(work.origin)
    nodes = _nodes(work.nodes, actions)
    return DynamicWorkRecorded(
        at=0,
        dynamic_key=key,
        origin=origin,
        nodes=nodes,
        edges=_edges(work.edges, origin, nodes),
        status=status,
        metadata=_metadata(work.metadata, "metadata"),
        reason=None if work.reason is None else _name(work.reason, "reason", "invalid", "its reason", most=1_000),
    )


def _origin(given: Any) -> WorkOrigin:
    read: dict[str, Any] = {}
    for name in _ORIGIN:
        if isinstance(given, Mapping):
            read[name] = cast("Mapping[str, Any]", given).get(name)
        else:
            read[name] = getattr(given, name, None)
    if given is None or not any(value is not None for value in read.values()):
        _refuse("origin", "invalid", "its origin is no attempt; pass one of the run's attempts, or its key and numbers")
    for name in ("runnable_key", "step"):
        if not isinstance(read[name], str) or not read[name]:
            _refuse("origin", f"missing_{name}", f"its origin has no {name}")
    if not isinstance(read["attempt"], int) or isinstance(read["attempt"], bool) or read["attempt"] < 1:
        _refuse("origin", "missing_attempt", "its origin has no attempt, which counts from 1")
    return WorkOrigin(**read)


def _nodes(given: Any, actions: Actions | None) -> tuple[WorkNode, ...]:
    if not _is_sequence(given):
        _refuse("nodes", "invalid", "its nodes are no sequence")
    if not given:
        _refuse("nodes", "empty", "it has no nodes")
    if len(given) > MAX_NODES:
        _refuse("nodes", "too_many", f"it has {len(given):,} nodes; {MAX_NODES:,} go into one work")
    nodes: dict[str, WorkNode] = {}
    for index, item in enumerate(given):
        node = _node(index, item, actions)
        if node.id in nodes:
            _refuse("nodes", "duplicate_id", f"two of its nodes are called {node.id!r}", id=node.id)
        nodes[node.id] = node
    return tuple(nodes.values())


def _node(index: int, given: Any, actions: Actions | None) -> WorkNode:
    place = f"its node {index}"
    node = _as(DynamicNode, given)
    if node is None:
        _refuse("nodes", "invalid", f"{place} is no DynamicNode and no mapping of its fields", index=index)
    name = _name(node.id, "nodes", "invalid", f"{place}: the id", index=index, attribute="id")
    if "#" in name or name.startswith("compensate:") or name in RESERVED:
        text = f"{place}: the id {name!r} is of a form that Squidie uses itself; use another"
        _refuse("nodes", "reserved_id", text, index=index, attribute="id", id=name)
    action: Any = node.action
    refusal = None if action is None else ("invalid_action_key" if not isinstance(action, str) or not action else None)
    if actions is not None:
        refusal = actions.refusal(action)
    if refusal is not None:
        text = f"node {name!r}: {refusal.replace('_', ' ')}; use a key of Squidie(actions=...)"
        _refuse("nodes", refusal, text, index=index, attribute="action", id=name)
    try:
        retry = retry_policy(node.retry)
    except ValueError as problem:
        _refuse("nodes", "invalid_max_attempts", f"node {name!r}: {problem}", index=index, attribute="retry", id=name)
    return WorkNode(
        name,
        node.action,
        _mapping(node.input, "nodes", f"node {name!r}: the input", index=index, attribute="input", id=name),
        retry,
        _timeout(node.timeout, f"node {name!r}: the timeout", index=index, attribute="timeout", id=name),
        _metadata(node.metadata, "nodes", index=index, attribute="metadata", id=name),
    )


def _timeout(given: Any, what: str, **more: Json) -> int | None:
    if given is None:
        return None
    try:
        limit = milliseconds(given)
    except ValueError as problem:
        _refuse("nodes", "invalid", f"{what} {problem}", **more)
    if limit == 0:
        _refuse("nodes", "invalid", f"{what} must be above 0", **more)
    return limit


def _edges(given: Any, origin: WorkOrigin, nodes: Sequence[WorkNode]) -> tuple[WorkEdge, ...]:
    if not _is_sequence(given):
        _refuse("edges", "invalid", "its edges are no sequence")
    targets = {node.id for node in nodes}
    edges: dict[str, WorkEdge] = {}
    for index, item in enumerate(given):
        edge = _edge(index, item, targets, origin.step)
        if edge.id in edges:
            _refuse("edges", "duplicate_id", f"two of its edges are called {edge.id!r}", id=edge.id)
        edges[edge.id] = edge
    _check_circles(edges.values(), targets)
    _check_inputs(edges.values(), nodes)
    led_to = {edge.target for edge in edges.values()}
    first = [
        WorkEdge(f"{origin.step}:dynamic:{node.id}", origin.step, node.id) for node in nodes if node.id not in led_to
    ]
    for edge in first:
        if edge.id in edges:
            _refuse(
                "edges", "duplicate_id", f"an edge is called {edge.id!r}, as the one is to {edge.target!r}", id=edge.id
            )
    return (*first, *edges.values())


def _edge(index: int, given: Any, targets: Collection[str], step: str) -> WorkEdge:
    place = f"its edge {index}"
    edge = _as(DynamicEdge, given, _EDGE)
    if edge is None:
        _refuse("edges", "invalid", f"{place} is no DynamicEdge and no mapping of its fields", index=index)
    ends = {
        name: _name(value, "edges", "invalid", f"{place}: {name}", index=index, attribute=name)
        for name, value in (("from", edge.source), ("to", edge.target), ("type", edge.type))
    }
    if ends["from"] not in targets and ends["from"] != step:
        _refuse(
            "edges", "unknown_node", f"{place} comes from {ends['from']!r}, which is no node of it", id=ends["from"]
        )
    if ends["to"] not in targets:
        _refuse("edges", "unknown_node", f"{place} leads to {ends['to']!r}, which is no node of it", id=ends["to"])
    name = f"{ends['from']}:{ends['type']}:{ends['to']}"
    if edge.id is not None:
        name = _name(edge.id, "edges", "invalid", f"{place}: the id", index=index, attribute="id")
    return WorkEdge(name, ends["from"], ends["to"], ends["type"])


def _check_circles(edges: Collection[WorkEdge], nodes: Collection[str]) -> None:
    leads_to: dict[str, list[str]] = {name: [] for name in nodes}
    for edge in edges:
        if edge.source in leads_to:
            leads_to[edge.source].append(edge.target)
    for circle in circles(leads_to):
        _refuse("edges", "circle", f"its edges go in a circle: {' -> '.join(circle)}", ids=circle)


def _check_inputs(edges: Collection[WorkEdge], nodes: Sequence[WorkNode]) -> None:
    """A node gets the results of those before it under their ids, where its own input must have nothing."""
    inputs = {node.id: node.input for node in nodes}
    for edge in edges:
        if edge.source in inputs[edge.target]:
            text = f"node {edge.target!r}: its input has {edge.source!r}, where the result of that node goes"
            _refuse("nodes", "invalid", text, id=edge.target, attribute="input")


def _as(kind: type[T], given: Any, also: Mapping[str, str] | None = None) -> T | None:
    """The value, or the mapping of its fields, some of which may be called otherwise `also`."""
    if isinstance(given, kind) or not isinstance(given, Mapping):
        return given if isinstance(given, kind) else None
    assert is_dataclass(kind)  # noqa: S101  # they all are
    known = {field.name for field in fields(kind)}
    values: dict[str, Any] = {}
    for name, value in cast("Any", given).items():
        field = (also or {}).get(name, name)
        if field not in known or field in values:
            return None
        values[field] = value
    try:
        return kind(**values)
    except TypeError:
        return None


def _is_sequence(given: Any) -> bool:
    return isinstance(given, Sequence) and not isinstance(given, str | bytes)


def _name(given: object, field: str, reason: str, what: str, *, most: int = _MAX_NAME, **more: Json) -> str:
    if not isinstance(given, str) or not 0 < len(given) <= most:
        _refuse(field, reason, f"{what} is not a text of 1 to {most} characters", **more)
    return given


def _metadata(given: Any, field: str, **more: Json) -> Mapping[str, Json]:
    redacted: Mapping[str, Json] = redact(_mapping(given, field, "its metadata", **more))
    return redacted


def _mapping(given: Any, field: str, what: str, **more: Json) -> Mapping[str, Json]:
    if not isinstance(given, Mapping):
        _refuse(field, "invalid", f"{what} is no mapping", **more)
    try:
        return encode_mapping(cast("Mapping[str, Any]", given), what)
    except EncodingError as problem:
        _refuse(field, "invalid", problem.message, **more)


def _refuse(field: str, reason: str, text: str, **more: Json) -> NoReturn:
    raise DynamicWorkError(f"the dynamic work is not valid: {text}", details={"field": field, "reason": reason, **more})
