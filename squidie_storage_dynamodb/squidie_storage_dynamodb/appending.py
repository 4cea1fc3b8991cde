"""An append as a change of its run's head item.

The commit goes to the end of the head's own list, the tail, as long as there is room. Where there is none, what is in
the tail is packed together, and moved to an item of its own, a segment, before the head forgets it. Segments hold what
was committed already, so writing one early or twice changes nothing. A commit that is too large for a tail becomes a
segment in the transaction that moves the head, whatever older ones the tail still holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from squidie_core.dataclass import record
from squidie_core.journal.commit import NO_HEAD, Append, StoredCommit
from squidie_storage_dynamodb import keys
from squidie_storage_dynamodb.expressions import Update, put
from squidie_storage_dynamodb.keys import Keys
from squidie_storage_dynamodb.packing import pack, unpack_each
from squidie_storage_dynamodb.runs import Run, changing_attributes, due_attributes, fixed_attributes
from squidie_storage_dynamodb.values import Value

TAIL_BYTES = 3_000
"""What the tail may take. With the index row a head stays below 4 kB, which one read unit reads."""

PIECE_BYTES = 390_000
"""What an item other than a head may hold; the largest item has 400 kB with its names and keys."""

_MERGED_BYTES = TAIL_BYTES // 2
"""A tail that packs to less than this stays in the head."""


@record(frozen=True, slots=True)
class Segment:
    """Commits, the last of which ends at a revision, packed, for one or several items of their own."""

    origin: int
    rev: int
    packed: bytes

    def items(self, key: Keys, thread_id: str) -> list[dict[str, Value]]:
        """The items."""
        starts = range(0, len(self.packed), PIECE_BYTES)
        return [
            {
                "pk": key.run(thread_id),
                "sk": keys.segment(self.origin, self.rev, piece),
                "commits": self.packed[start : start + PIECE_BYTES],
                "pieces": len(starts),
            }
            for piece, start in enumerate(starts)
        ]


class Unseen(NamedTuple):
    """How often a run was nudged, and when first since nudges were acknowledged."""

    nudges: int
    since: int


@record(frozen=True, slots=True)
class Plan:
    """How an append is written, as far as that is known of its run."""

    append: Append
    packed: bytes
    tail: tuple[bytes, ...] | None = None
    """The tail before this commit, where it is written anew."""
    moved: Segment | None = None
    """What the tail held, to be written before."""
    spilled: int = 0
    """With it, the last revision that is not in the tail."""
    beside: Segment | None = None
    """This commit, where it is too large for a tail, to be written in the same transaction."""
    unseen: Unseen | None = None
    """Nudges that the decision had not seen, which keep the run due."""
    nudges_itself: bool = False

    @property
    def is_start(self) -> bool:
        """Whether the run must not exist."""
        return self.append.expected == NO_HEAD

    @property
    def needs_the_run(self) -> bool:
        """Whether it cannot be written without a look at the run."""
        return len(self.packed) > TAIL_BYTES and self.beside is None and not self.is_start

    @property
    def pieces(self) -> int:
        """How many items of its own it takes at most."""
        return -(-len(self.packed) // PIECE_BYTES) if len(self.packed) > TAIL_BYTES else 0

    def items_before(self, key: Keys) -> list[dict[str, Value]]:
        """What is written before the append."""
        return [] if self.moved is None else self.moved.items(key, self.append.thread_id)

    def items_beside(self, key: Keys) -> list[dict[str, Value]]:
        """What is written together with it."""
        return [] if self.beside is None else self.beside.items(key, self.append.thread_id)

    def action(self, table: str, key: Keys, now: int) -> tuple[str, dict[str, Any]]:
        """`Put` or `Update`, and its request."""
        if self.is_start:
            item = self._first_item(key, now)
            return "Put", put(table, item, "attribute_not_exists(#pk)")
        return "Update", self._change(key, now).request(table, key.head(self.append.thread_id))

    def _first_item(self, key: Keys, now: int) -> dict[str, Value]:
        append = self.append
        inline = self.beside is None
        nudged_at = now if self.nudges_itself and append.index.ended_at is None else None
        attributes: dict[str, Value | None] = {
            **key.head(append.thread_id),
            **fixed_attributes(key, append.thread_id, append.index),
            **changing_attributes(append.index),
            "rev": append.head.rev,
            "commit_id": append.commit_id,
            "origin": append.commit_id,
            "tail": (self.packed,) if inline else (),
            "tail_bytes": len(self.packed) if inline else 0,
            "spilled": 0 if inline else append.head.rev,
            "stamp": 1,
            "nudges": int(self.nudges_itself),
            "updated_at": now,
            "nudged_at": nudged_at,
            **due_attributes(key, append.thread_id, append.index, _earliest(append.index.wake_at, nudged_at)),
        }
        return {name: value for name, value in attributes.items() if value is not None}

    def _change(self, key: Keys, now: int) -> Update:
        append = self.append
        change = Update()
        change.when(
            "#rev = :was_rev AND #commit_id = :was_commit_id",
            was_rev=append.expected.rev,
            was_commit_id=append.expected.commit_id,
        )
        for name, value in changing_attributes(append.index).items():
            change.set(name, value)
        change.set("rev", append.head.rev)
        change.set("commit_id", append.commit_id)
        change.set("updated_at", now)
        change.to("#stamp = #stamp + :one", one=1)
        for name in ("parked", "parked_until", "park_reason"):
            change.set(name, None)
        self._add_commit(change)
        self._add_due(change, key, now)
        return change

    def _add_commit(self, change: Update) -> None:
        if self.beside is not None:
            change.set("spilled", self.append.head.rev)
        elif self.tail is None:
            change.to("#tail = list_append(#tail, :commits)", commits=(self.packed,))
            change.to("#tail_bytes = #tail_bytes + :bytes", bytes=len(self.packed))
            change.when("#tail_bytes <= :room", room=TAIL_BYTES - len(self.packed))
        else:
            tail = (*self.tail, self.packed)
            change.set("tail", tail)
            change.set("tail_bytes", sum(map(len, tail)))
            if self.moved is not None:
                change.set("spilled", self.spilled)

    def _add_due(self, change: Update, key: Keys, now: int) -> None:
        index = self.append.index
        due_at = index.wake_at
        if index.ended_at is None and self.nudges_itself:
            change.to("#nudged_at = if_not_exists(#nudged_at, :now)", now=now)
            due_at = _earliest(due_at, now)
        elif index.ended_at is not None:
            change.set("nudged_at", None)
        elif self.unseen is None:
            change.set("nudged_at", None)
            change.when("(#nudges <= :seen OR attribute_not_exists(#nudged_at))", seen=self.append.nudges_seen)
        else:
            change.when("#nudges = :nudges AND attribute_exists(#nudged_at)", nudges=self.unseen.nudges)
            due_at = _earliest(due_at, self.unseen.since)
        if self.nudges_itself:
            change.to("#nudges = #nudges + :one")
        for name, value in due_attributes(key, self.append.thread_id, index, due_at).items():
            change.set(name, value)


def _earliest(*times: int | None) -> int | None:
    return min((at for at in times if at is not None), default=None)


def first_plan(append: Append, nudges: Sequence[str]) -> Plan:
    """How to write it when nothing is known of its run."""
    rev, previous = append.expected
    packed = pack([StoredCommit(rev + 1, append.count, append.commit_id, previous, append.body)])
    plan = Plan(append, packed, nudges_itself=append.thread_id in nudges)
    if plan.is_start and len(packed) > TAIL_BYTES:
        return replace(plan, beside=Segment(append.commit_id, append.head.rev, packed))
    return plan


def fitted(plan: Plan, run: Run) -> Plan:
    """How to write it to this run, which is at the head that the append expects. Raises Corrupt."""
    unseen = None
    if run.nudged_at is not None and run.nudges > plan.append.nudges_seen:
        unseen = Unseen(run.nudges, run.nudged_at)
    plan = replace(plan, unseen=unseen, tail=None, moved=None)
    if len(plan.packed) > TAIL_BYTES:
        return replace(plan, beside=Segment(run.origin, plan.append.head.rev, plan.packed))
    if sum(map(len, run.tail)) + len(plan.packed) <= TAIL_BYTES:
        return plan
    commits = unpack_each(run.tail)
    merged = pack(commits)
    if len(merged) + len(plan.packed) <= TAIL_BYTES and len(merged) <= _MERGED_BYTES:
        return replace(plan, tail=(merged,))
    moved = Segment(run.origin, commits[-1].head.rev, merged)
    return replace(plan, tail=(), moved=moved, spilled=max(moved.rev, run.spilled))


def nudge(table: str, key: Keys, thread_id: str, now: int, *, ended: bool) -> dict[str, Any]:
    """The change that makes a run due because somebody nudges it; one that has ended is only counted up.

    Parking and quarantine are seen to by `due`.
    """
    change = Update()
    change.to("#nudges = #nudges + :one", one=1)
    change.to("#stamp = #stamp + :one")
    change.when("attribute_exists(#rev)")
    if ended:
        change.when("attribute_exists(#ended_at)")
    else:
        change.when("attribute_not_exists(#ended_at)")
        change.to("#nudged_at = if_not_exists(#nudged_at, :now)", now=now)
        change.to("#due_queue = #queue_key")
        change.to("#due = #due_base + if_not_exists(#nudged_at, :now)")
    return change.request(table, key.head(thread_id))
