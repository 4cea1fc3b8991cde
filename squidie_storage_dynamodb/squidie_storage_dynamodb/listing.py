"""Runs from the listing's index, each shown as its head is now."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from squidie_core.ports import RunPage, RunQuery
from squidie_storage_dynamodb.cursors import read_cursor, write_cursor
from squidie_storage_dynamodb.expressions import query as query_request
from squidie_storage_dynamodb.keys import SHARDS, started
from squidie_storage_dynamodb.reading import current_all
from squidie_storage_dynamodb.runs import Run
from squidie_storage_dynamodb.schema import LISTING_INDEX, THREADS_INDEX
from squidie_storage_dynamodb.table import Table
from squidie_storage_dynamodb.values import Item, Value
from squidie_storage_dynamodb.walking import walk

_BEFORE_ALL, _AFTER_ALL = " ", "~"
_PAGE = 200


def find(table: Table, query: RunQuery) -> RunPage:
    """Newest start first. Raises OptionError for a cursor that no page gave."""
    namespace = table.keys.namespace
    before = _AFTER_ALL if query.cursor is None else read_cursor(namespace, query.cursor)
    entries = _entries(table, query, before)
    rows: list[Run] = []
    while len(rows) <= query.limit:
        batch = [table.keys.thread_id(item["pk"]) for item in islice(entries, query.limit + 1 - len(rows))]
        if not batch:
            break
        runs = current_all(table, batch)
        rows += [runs[thread_id] for thread_id in batch if thread_id in runs and _matches(runs[thread_id], query)]
    page = rows[: query.limit]
    more = len(rows) > len(page) and bool(page)
    return RunPage(
        runs=[run.row() for run in page],
        next_cursor=write_cursor(namespace, started(page[-1].index.started_at, page[-1].thread_id)) if more else None,
    )


def thread_ids(table: Table, after: str, limit: int) -> list[str]:
    """The first so many thread ids above `after`, in order."""
    lower = table.keys.run(after)
    requests = [
        query_request(
            table.name,
            "#home = :home AND #pk > :after" if after else "#home = :home",
            index=THREADS_INDEX,
            home=table.keys.home(place),
            **({"after": lower} if after else {}),
        )
        | {"Limit": limit}
        for place in range(SHARDS)
    ]
    return [table.keys.thread_id(item["pk"]) for item in islice(walk(table, requests, "pk"), limit)]


def _entries(table: Table, query: RunQuery, before: str) -> Iterator[Item]:
    filters, values = _filters(query)
    limit = _PAGE if filters else min(query.limit + 1, _PAGE)
    requests: list[dict[str, Any]] = [
        query_request(
            table.name,
            "#home = :home AND #started < :before",
            index=LISTING_INDEX,
            filters=filters,
            home=table.keys.home(place),
            before=before,
            **values,
        )
        | {"Limit": limit}
        for place in range(SHARDS)
    ]
    return walk(table, requests, "started", backwards=True)


def _filters(query: RunQuery) -> tuple[str, dict[str, Value]]:
    """What DynamoDB can leave out by itself, as far as the index knows."""
    values: dict[str, Value] = {
        name: value for name in ("workflow", "status", "queue") if (value := getattr(query, name)) is not None
    }
    conditions = [f"#{name} = :{name}" for name in values]
    if query.tag is not None:
        conditions.append("contains(#tags, :tag)")
        values["tag"] = query.tag
    if query.quarantined is not None:
        conditions.append("attribute_exists(#held)" if query.quarantined else "attribute_not_exists(#held)")
    return " AND ".join(conditions), values


def _matches(run: Run, query: RunQuery) -> bool:
    """Whether the run is what the query asks for, as it is now."""
    index = run.index
    return (
        query.workflow in (None, index.workflow)
        and query.status in (None, index.status)
        and query.queue in (None, index.queue)
        and (query.tag is None or query.tag in index.tags)
        and query.quarantined in (None, run.quarantine_reason is not None)
        and (query.due_before is None or (index.wake_at is not None and index.wake_at <= query.due_before))
    )
