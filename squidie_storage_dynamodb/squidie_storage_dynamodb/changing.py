"""Changes beside the journal: parking, quarantine, nudges that were answered, an index row written anew.

Each reads the head and writes it back under the condition that nobody else has changed it meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from squidie_core.errors import Unavailable
from squidie_core.journal.commit import Head, IndexRow
from squidie_storage_dynamodb.calls import backoff
from squidie_storage_dynamodb.expressions import Update
from squidie_storage_dynamodb.failures import Declined, unstorable
from squidie_storage_dynamodb.reading import current
from squidie_storage_dynamodb.runs import FIXED_OPTIONAL, Run, changing_attributes, due_attributes, fixed_attributes
from squidie_storage_dynamodb.table import Table
from squidie_storage_dynamodb.values import Value

_TRIES = 12

Attributes = Mapping[str, Value | None]
"""What to set; None: the attribute goes."""


def change(table: Table, thread_id: str, decide: Callable[[Run], Attributes | None]) -> bool:
    """Set what `decide` says for the run as it is. False: there is no such run, or nothing is to be changed.

    `decide` may be called several times. Raises Unavailable where others change the run all the time.
    """
    for tries in range(_TRIES):
        run = current(table, thread_id)
        attributes = None if run is None else decide(run)
        if run is None or attributes is None:
            return False
        if write(table, run, attributes):
            return True
        time.sleep(backoff(tries, first=0.002))
    raise Unavailable(f"others changed run {thread_id} all the time; nothing was written, try again", code="busy")


def write(table: Table, run: Run, attributes: Attributes) -> bool:
    """Whether the attributes were set: not where the run is not as it was read."""
    update = Update()
    for name, value in attributes.items():
        update.set(name, value)
    update.to("#stamp = #stamp + :one", one=1)
    update.when("#stamp = :seen AND #origin = :origin", seen=run.stamp, origin=run.origin)
    try:
        table.update(table.keys.head(run.thread_id), update)
    except Declined as declined:
        if declined.why == "content":
            raise unstorable(str(declined)) from declined.__cause__
        return False
    return True


def due_entry(table: Table, run: Run) -> Attributes:
    """The run's entry in the due index, as it should be."""
    return due_attributes(table.keys, run.thread_id, run.index, run.due_at)


def park(table: Table, run: Run, until: int, reason: str) -> Attributes:
    """What keeps the run out of `due` until then."""
    parked = replace(run, parked_until=until)
    return {
        "parked": run.parked + 1,
        "parked_until": until,
        "park_reason": reason,
        **due_entry(table, parked),
    }


def acknowledge(table: Table, run: Run, nudges: int) -> Attributes | None:
    """What forgets that the run was nudged; None: it was not, or again since."""
    if run.nudged_at is None or run.nudges > nudges:
        return None
    return {"nudged_at": None, **due_entry(table, replace(run, nudged_at=None))}


def quarantine(table: Table, run: Run, reason: str, by: str, at: int) -> Attributes:
    """What keeps the run out of `due` for good; `held` is what the listing's index can see of it."""
    held = replace(run, quarantine_reason=reason)
    return {
        "quarantine_reason": reason,
        "quarantined_by": by,
        "quarantined_at": at,
        "held": 1,
        **due_entry(table, held),
    }


def unquarantine(table: Table, run: Run) -> Attributes | None:
    """What lets the run take part again; None: it was not quarantined."""
    if run.quarantine_reason is None:
        return None
    free = replace(run, quarantine_reason=None)
    gone = dict.fromkeys(("quarantine_reason", "quarantined_by", "quarantined_at", "held"))
    return {**gone, **due_entry(table, free)}


def reindex(table: Table, run: Run, seen: Head, head: Head, index: IndexRow) -> Attributes | None:
    """The head and the index row written anew; None: the run is not where it was seen any more."""
    if run.head != seen:
        return None
    indexed = replace(run, index=index)
    gone = dict.fromkeys(FIXED_OPTIONAL)
    return {
        **gone,
        "rev": head.rev,
        "commit_id": head.commit_id,
        **fixed_attributes(table.keys, run.thread_id, index),
        **changing_attributes(index),
        **due_entry(table, indexed),
    }
