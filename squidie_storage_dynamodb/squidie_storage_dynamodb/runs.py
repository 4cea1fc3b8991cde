"""A run's head item: where the run is, its index row, its last commits, and what is not part of the journal."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from squidie_core.dataclass import record
from squidie_core.journal.commit import Head, IndexRow, StoredCommit
from squidie_core.ports import HeadStatus, RunRow
from squidie_storage_dynamodb import keys
from squidie_storage_dynamodb.keys import Keys
from squidie_storage_dynamodb.packing import unpack_all
from squidie_storage_dynamodb.values import Item, Value

_LEFT_OUT = ("ended_at", "version", "tags", "min_reader", "start_digest", "parent")
_OPTIONAL = {f.name: f.default for f in fields(IndexRow) if f.name in _LEFT_OUT}
"""Attributes that are left out where they have their default."""

FIXED_OPTIONAL = ("version", "tags", "start_digest", "parent")
"""Those of them that never change."""


@record(frozen=True, slots=True)
class Run:
    """A head item, read."""

    thread_id: str
    head: Head
    origin: int
    """The id of the first commit, which tells this run from an earlier one of the same name."""
    index: IndexRow
    tail: tuple[bytes, ...]
    """The last commits, packed, in order."""
    spilled: int
    """The last revision that is not in the tail but in an item of its own; 0: all are in the tail."""
    stamp: int
    """Grows with every change."""
    updated_at: int
    nudges: int
    nudged_at: int | None
    parked: int
    parked_until: int | None
    park_reason: str | None
    quarantine_reason: str | None
    checkpoint: int
    """The revision of the checkpoint that was put last; 0: none."""
    due_number: int | None
    """Where the due index has it."""

    @property
    def due_at(self) -> int | None:
        """When a worker should look: at its time or when nudged, not while parked, never while quarantined."""
        if self.quarantine_reason is not None:
            return None
        times = [at for at in (self.index.wake_at, self.nudged_at) if at is not None]
        return max(min(times), self.parked_until or 0) if times else None

    def commits(self) -> list[StoredCommit]:
        """Those of the tail."""
        return unpack_all(self.tail)

    def status(self) -> HeadStatus:
        """The cheap look at it."""
        return HeadStatus(
            head=self.head,
            status=self.index.status,
            nudges=self.nudges,
            parked_until=self.parked_until,
            park_reason=self.park_reason,
            quarantine_reason=self.quarantine_reason,
        )

    def row(self) -> RunRow:
        """It in a listing."""
        return RunRow(
            thread_id=self.thread_id,
            head=self.head,
            index=self.index,
            updated_at=self.updated_at,
            parked_until=self.parked_until,
            park_reason=self.park_reason,
            quarantine_reason=self.quarantine_reason,
        )


def read_run(key: Keys, item: Item | None) -> Run | None:
    """The run of a head item; None where there is no run, or none any more."""
    if item is None or "rev" not in item:
        return None
    optional: dict[str, Any] = {name: item.get(name, default) for name, default in _OPTIONAL.items()}
    return Run(
        thread_id=key.thread_id(item["pk"]),
        head=Head(item["rev"], item["commit_id"]),
        origin=item["origin"],
        index=IndexRow(
            workflow=item["workflow"],
            queue=item["queue"],
            priority=item["priority"],
            status=item["status"],
            started_at=item["started_at"],
            wake_at=item.get("wake_at"),
            needs=item["needs"],
            **optional,
        ),
        tail=item.get("tail", ()),
        spilled=item["spilled"],
        stamp=item["stamp"],
        updated_at=item["updated_at"],
        nudges=item["nudges"],
        nudged_at=item.get("nudged_at"),
        parked=item.get("parked", 0),
        parked_until=item.get("parked_until"),
        park_reason=item.get("park_reason"),
        quarantine_reason=item.get("quarantine_reason"),
        checkpoint=item.get("checkpoint", 0),
        due_number=item.get("due"),
    )


def fixed_attributes(key: Keys, thread_id: str, index: IndexRow) -> dict[str, Value]:
    """What never changes after the first append."""
    place = keys.shard(thread_id)
    attributes: dict[str, Value] = {
        "workflow": index.workflow,
        "queue": index.queue,
        "priority": index.priority,
        "started_at": index.started_at,
        "home": key.home(place),
        "started": keys.started(index.started_at, thread_id),
        "queue_key": key.due(index.queue, place),
        "due_base": keys.due_base(index.priority),
    }
    for name in FIXED_OPTIONAL:
        value = getattr(index, name)
        if value != _OPTIONAL[name]:
            attributes[name] = value
    return attributes


def changing_attributes(index: IndexRow) -> dict[str, Value | None]:
    """What each append brings; None: the attribute goes."""
    return {
        "status": index.status,
        "needs": index.needs,
        "wake_at": index.wake_at,
        "ended_at": index.ended_at,
        "min_reader": None if index.min_reader == 1 else index.min_reader,
    }


def due_attributes(key: Keys, thread_id: str, index: IndexRow, at: int | None) -> dict[str, Value | None]:
    """Its entry in the due index, if it shall have one."""
    if at is None:
        return {"due_queue": None, "due": None}
    place = keys.shard(thread_id)
    return {"due_queue": key.due(index.queue, place), "due": keys.due_number(index.priority, at)}
