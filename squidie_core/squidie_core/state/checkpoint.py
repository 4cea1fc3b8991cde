"""A folded state as text, and back. A text that cannot be used is no loss: the thread is folded from its start."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields
from typing import Any
from zlib import crc32

from squidie_core.errors import StorageError
from squidie_core.journal.codec import from_json, from_plain, to_json, to_plain
from squidie_core.journal.commit import Checkpoint
from squidie_core.journal.entries import Deadline, Decision, DynamicWorkRecorded
from squidie_core.state.dynamic import node_applied, take_in
from squidie_core.state.fold import FOLD_VERSION
from squidie_core.state.lineage import ChildState
from squidie_core.state.run import Anomaly, Gate, Receipt, Rollback, RunnableState, RunState

MIN_BYTES = 64 * 1024
"""Shorter threads are folded as fast as a checkpoint is read."""

_OTHERWISE = frozenset(
    {
        "run_id",
        "head",
        "open",
        "runnables",
        "gate",
        "rollback",
        "receipts",
        "received",
        "anomalies",
        "children",
        "applied_steps",
        "routes_taken",
        "dynamic_work",
        "nodes",
        "open_actions",
        "folded_bytes",
        "checkpoint_bytes",
    }
)
"""The fields that are not saved as they are."""


def wants_checkpoint(state: RunState) -> bool:
    """Whether enough was folded since the last checkpoint to be worth one, so that their cost stays proportional."""
    return state.folded_bytes > max(MIN_BYTES, state.checkpoint_bytes)


def save(state: RunState) -> Checkpoint:
    """The checkpoint of a committed state."""
    plain: dict[str, Any] = {name: getattr(state, name) for name in _PLAIN_FIELDS}
    plain["routes_taken"] = [list(item) for item in state.routes_taken.items()]
    plain["applied_steps"] = sorted(state.applied_steps)
    plain["runnables"] = [_slim(runnable) for runnable in state.runnables.values()]
    plain["gate"] = None if state.gate is None else _slim(state.gate)
    plain["nodes"] = {name: node.applied for name, node in state.nodes.items() if node.applied is not None}
    plain["dynamic_work"] = [to_plain(work) for work in state.dynamic_work.values()]
    plain["rollback"] = None if state.rollback is None else _slim(state.rollback)
    plain["receipts"] = [_slim(receipt) for receipt in state.receipts]
    plain["anomalies"] = [_slim(anomaly) for anomaly in state.anomalies]
    plain["children"] = [_slim(child) for child in state.children]
    body = seal(to_json(plain))
    state.folded_bytes, state.checkpoint_bytes = 0, len(body)
    return Checkpoint(state.head, FOLD_VERSION, body)


def restore(run_id: str, checkpoint: Checkpoint) -> RunState | None:
    """The state that was saved; `None` for one of another fold version, or for what `save` never wrote."""
    if checkpoint.fold_version != FOLD_VERSION:
        return None
    try:
        return _restore(run_id, checkpoint)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, StorageError):
        return None


def _restore(run_id: str, checkpoint: Checkpoint) -> RunState:
    plain: dict[str, Any] = from_json(unseal(checkpoint.body))
    state = RunState(run_id, head=checkpoint.head)
    for name in _PLAIN_FIELDS:
        setattr(state, name, plain[name])
    state.tags = tuple(plain["tags"])
    state.routes_taken = dict(plain["routes_taken"])
    state.applied_steps = set(plain["applied_steps"])
    state.gate = None if plain["gate"] is None else Gate(**plain["gate"])
    rollback = plain["rollback"]
    if rollback is not None:
        rollback["order"] = tuple(rollback["order"])
        state.rollback = Rollback(**rollback)
    for item in plain["receipts"]:
        state.take_receipt(Receipt(**item))
    state.anomalies = [Anomaly(**item) for item in plain["anomalies"]]
    for item in plain["children"]:
        state.children.put(ChildState(**item))
    for item in plain["runnables"]:
        if item.get("decision") is not None:
            item["decision"] = Decision(**item["decision"])
        if item.get("deadline") is not None:
            item["deadline"] = Deadline(**item["deadline"])
        state.adopt(RunnableState(**item))
    _restore_work(state, plain["dynamic_work"], plain["nodes"])
    if state.rev != checkpoint.head.rev:
        raise ValueError("the checkpoint is of another revision")
    state.folded_bytes, state.checkpoint_bytes = 0, len(checkpoint.body)
    return state


def _restore_work(state: RunState, plain: Iterable[dict[str, Any]], applied: Mapping[str, str]) -> None:
    for item in plain:
        work = from_plain(item)
        if not isinstance(work, DynamicWorkRecorded):
            raise TypeError("no dynamic work")
        take_in(state, work)
    for name, key in applied.items():
        node_applied(state, name, key)


def seal(text: str) -> str:
    """The text behind its checksum: damage may leave valid JSON, and what it says would be believed."""
    return f"{crc32(text.encode('ascii')):08x}{text}"


def unseal(body: str) -> str:
    """The text again. Raises ValueError where it is not what was sealed."""
    text = body[8:]
    if seal(text) != body:
        raise ValueError("the checkpoint is damaged")
    return text


def _slim(record: Any) -> dict[str, Any]:
    """The record's fields that are not at their defaults."""
    slim: dict[str, Any] = {}
    for field in fields(record):
        value = getattr(record, field.name)
        if field.default is MISSING or value != field.default:
            slim[field.name] = _slim(value) if isinstance(value, Decision | Deadline) else value
    return slim


_PLAIN_FIELDS: tuple[str, ...] = tuple(
    field.name for field in fields(RunState) if field.name not in _OTHERWISE and not field.name.startswith("_")
)
