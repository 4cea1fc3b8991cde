"""Forgetting runs that are over. A tombstone takes the head's place, so everybody sees a run whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from squidie_core.journal.commit import IndexRow
from squidie_core.ports import Tombstone
from squidie_storage_dynamodb import keys
from squidie_storage_dynamodb.cursors import read_cursor, write_cursor
from squidie_storage_dynamodb.expressions import Update, query
from squidie_storage_dynamodb.failures import Declined
from squidie_storage_dynamodb.keys import HEAD, SHARDS
from squidie_storage_dynamodb.reading import current_all
from squidie_storage_dynamodb.runs import Run, read_run
from squidie_storage_dynamodb.schema import DUE_INDEX, LISTING_INDEX, TTL_ATTRIBUTE
from squidie_storage_dynamodb.table import Table
from squidie_storage_dynamodb.values import Item, Value
from squidie_storage_dynamodb.walking import walk

_BEFORE_ALL = " "
_NEXT = "\0"  # what makes a key the next one
_DAY = 86_400  # seconds; DynamoDB takes tombstones away that no purge has collected by then


def purgeable(
    table: Table, before: int, statuses: Sequence[str], limit: int, after: str | None
) -> tuple[list[Run], str | None]:
    """The runs that may go among the next `limit` in the listing, oldest start first, and where to go on."""
    start = _BEFORE_ALL if after is None else read_cursor(table.keys.namespace, after) + _NEXT
    if not statuses or limit <= 0:
        return [], None
    entries = list(islice(walk(table, _requests(table, before, statuses, limit, start), "started"), limit + 1))
    seen = entries[:limit]
    thread_ids = [table.keys.thread_id(entry["pk"]) for entry in seen]
    runs = current_all(table, thread_ids)
    over = [runs[one] for one in thread_ids if one in runs and _is_over(runs[one], before, statuses)]
    parents = current_all(table, [run.index.parent for run in over if run.index.parent is not None])
    free = [run for run in over if not _awaited(run, parents)]
    more = len(entries) > len(seen)
    return free, write_cursor(table.keys.namespace, seen[-1]["started"]) if more else None


def take_all(table: Table, runs: Sequence[Run], remember_until: int) -> list[str]:
    """Forget these runs; the ids of those that were as they are here still."""
    taken = table.each(lambda run: _take(table, run, remember_until), runs)
    return [run.thread_id for run, is_taken in zip(runs, taken, strict=True) if is_taken]


def collect(table: Table, now: int, limit: int) -> int:
    """Take away tombstones whose time is over; how many."""
    requests = [
        query(
            table.name,
            "#due_queue = :forgotten AND #due <= :now",
            index=DUE_INDEX,
            forgotten=table.keys.forgotten(place),
            now=now,
        )
        | {"Limit": limit}
        for place in range(SHARDS)
    ]
    found = [entry["pk"] for entry in islice(walk(table, requests, "due"), limit)]
    items = table.get_many({"pk": pk, "sk": HEAD} for pk in found)
    return sum(table.each(lambda item: _collect(table, item, now), items))


def tombstones(table: Table, thread_ids: Sequence[str]) -> dict[str, Tombstone]:
    """Those that there are."""
    items = table.get_many(table.keys.head(thread_id) for thread_id in set(thread_ids) if keys.fits(thread_id))
    return {
        table.keys.thread_id(item["pk"]): Tombstone(
            workflow=item["workflow"],
            status=item["status"],
            start_digest=item["start_digest"],
            ended_at=item["ended_at"],
            expires_at=item["expires_at"],
        )
        for item in items
        if "expires_at" in item
    }


def _requests(table: Table, before: int, statuses: Sequence[str], limit: int, start: str) -> list[dict[str, Any]]:
    """Of runs that started before that time, since none ends before it has started."""
    wanted = {f"status{number}": status for number, status in enumerate(dict.fromkeys(statuses))}
    named = ", ".join(f":{name}" for name in wanted)
    return [
        query(
            table.name,
            "#home = :home AND #started BETWEEN :start AND :end",
            index=LISTING_INDEX,
            filters=f"#status IN ({named}) AND attribute_not_exists(#held)",
            home=table.keys.home(place),
            start=start,
            end=keys.started(before, ""),
            **wanted,
        )
        | {"Limit": max(2 * limit, 100)}
        for place in range(SHARDS)
    ]


def _is_over(run: Run, before: int, statuses: Sequence[str]) -> bool:
    index = run.index
    ended = index.ended_at is not None and index.ended_at < before
    return ended and index.status in statuses and run.quarantine_reason is None


def _awaited(run: Run, parents: Mapping[str, Run]) -> bool:
    parent = None if run.index.parent is None else parents.get(run.index.parent)
    return parent is not None and parent.index.ended_at is None


def _take(table: Table, run: Run, remember_until: int) -> bool:
    """Whether the run was taken: not where somebody has changed it meanwhile."""
    has_more = bool(run.spilled or run.checkpoint)
    try:
        table.put(
            _tombstone(table, run.thread_id, run.index, remember_until, has_more=has_more),
            "#stamp = :seen AND #origin = :origin",
            seen=run.stamp,
            origin=run.origin,
        )
    except Declined:
        return False
    if has_more:
        _take_rest(table, run.thread_id)
    return True


def _tombstone(
    table: Table, thread_id: str, index: IndexRow, remember_until: int, *, has_more: bool
) -> dict[str, Value]:
    """`rest`: items of the run may still be there, which must go before the tombstone does."""
    item: dict[str, Value] = {
        **table.keys.head(thread_id),
        "workflow": index.workflow,
        "status": index.status,
        "start_digest": index.start_digest,
        "ended_at": index.ended_at or 0,
        "expires_at": remember_until,
        "due_queue": table.keys.forgotten(keys.shard(thread_id)),
        "due": remember_until,
    }
    return item | ({"rest": 1} if has_more else {TTL_ATTRIBUTE: _ttl(remember_until)})


def _ttl(remember_until: int) -> int:
    return remember_until // 1000 + _DAY


def _take_rest(table: Table, thread_id: str) -> None:
    """Delete the run's other items, then say that there are none."""
    request = query(table.name, "#pk = :pk AND #sk < :head", pk=table.keys.run(thread_id), head=HEAD)
    for page in table.pages(request):
        table.delete_all({"pk": item["pk"], "sk": item["sk"]} for item in page)
    tombstone = table.get(table.keys.head(thread_id))
    if tombstone is None or "rest" not in tombstone:
        return
    done = Update()
    done.when("attribute_exists(#rest)")
    done.set("rest", None)
    done.set(TTL_ATTRIBUTE, _ttl(tombstone["expires_at"]))
    try:
        table.update(table.keys.head(thread_id), done)
    except Declined:
        return  # somebody else did


def _collect(table: Table, item: Item, now: int) -> bool:
    """Whether the tombstone was taken away by this call."""
    if read_run(table.keys, item) is not None or item.get("expires_at", now + 1) > now:
        return False
    if "rest" in item:
        _take_rest(table, table.keys.thread_id(item["pk"]))
    try:
        table.delete(item, "#expires_at <= :now", now=now)
    except Declined:
        return False
    return True
