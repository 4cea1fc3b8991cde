# ruff: noqa: S608 -- texts are put together from constants of this package alone
"""PostgreSQL's statements that write commits: lock what stands as expected, update it, insert what is new.

How the planner is kept to keys is said in `postgresql.statements`.
"""

from __future__ import annotations

from squidie_storage_sql.postgresql.times import NOW, due_at, written_at

_APPEND_COLUMNS = {
    "run_id": ("thread_ids", "text"),
    "expected_rev": ("expected_revs", "int8"),
    "expected_commit_id": ("expected_commit_ids", "int8"),
    "count": ("counts", "int8"),
    "commit_id": ("commit_ids", "int8"),
    "body": ("bodies", "text"),
    "min_reader": ("min_readers", "int8"),
    "status": ("statuses", "text"),
    "needs": ("needs", "text"),
    "wake_at": ("wake_ats", "int8"),
    "ended_at": ("ended_ats", "int8"),
    "nudges_seen": ("nudges_seen", "int8"),
}
"""What an append writes: the name of the array that brings it for several, and the type."""

_START_COLUMNS = _APPEND_COLUMNS | {
    "workflow": ("workflows", "text"),
    "version": ("versions", "text"),
    "queue": ("queues", "text"),
    "priority": ("priorities", "int8"),
    "started_at": ("started_ats", "int8"),
    "tags": ("tags", "text"),
    "start_digest": ("start_digests", "text"),
    "parent": ("parents", "text"),
}


def _several(columns: dict[str, tuple[str, str]]) -> str:
    arrays = ", ".join(f"%({array})s::{kind}[]" for array, kind in columns.values())
    return f"""
input as materialized (
    select %(namespace)s::text as namespace, i.* from unnest({arrays}) as i ({", ".join(columns)})
)"""


def _one(columns: dict[str, tuple[str, str]]) -> str:
    """A row of parameters, which takes the server and the client half the time of arrays of one."""
    values = ", ".join(f"%({name})s::{kind} as {name}" for name, (_, kind) in columns.items())
    return f"""
input as materialized (
    select %(namespace)s::text as namespace, {values}
)"""


_INPUT_OF_APPENDS = _several(_APPEND_COLUMNS)
_INPUT_WITH_STARTS = _several(_START_COLUMNS)

# A row that somebody else has locked is passed over: no commit waits, so no two can deadlock, in whatever order.
_LOCKED = """
locked as materialized (
    select i.namespace, i.run_id, i.expected_rev + i.count as rev, i.commit_id, octet_length(i.body) as bytes,
        i.min_reader, i.status, i.needs, i.wake_at, i.ended_at, i.nudges_seen
    from input i, lateral (
        select from squidie_runs r
        where r.namespace = i.namespace and r.run_id = i.run_id
            and r.rev = i.expected_rev and r.commit_id = i.expected_commit_id
        for no key update skip locked) r
)"""

# An insert would wait for somebody's uncommitted start of the same run; starts meet at this lock instead.
_START_IS_FREE = """case when i.expected_rev = 0 then
        pg_try_advisory_xact_lock(hashtextextended(i.run_id, hashtextextended(i.namespace, 5717))) end"""

# Several appends: nothing is written unless every head is there to be written. A start that commits after this looked
# makes the insert below fail on its key, which undoes the statement.
_GATE = f"""
gate as materialized (
    select (select count(*) from locked) = (select count(*) from input i where i.expected_rev > 0)
        and not exists (
            select from input i
            join squidie_runs r on r.namespace = i.namespace and r.run_id = i.run_id
            where i.expected_rev = 0)
        and coalesce((select bool_and({_START_IS_FREE}) from input i), true) as is_open
)"""


def _updated(source: str, nudged: str = "0") -> str:
    """The nudges that the decision had not seen remain, and those that the same statement brings come on top."""
    nudged_at = f"""case
            when l.ended_at is not null then null
            when {nudged} > 0 then coalesce(r.nudged_at, {NOW})
            when r.nudges > l.nudges_seen then r.nudged_at
        end"""
    return f"""
updated as (
    update squidie_runs r
    set rev = l.rev, commit_id = l.commit_id, bytes = r.bytes + l.bytes, min_reader = l.min_reader,
        status = l.status, needs = l.needs::text[], wake_at = l.wake_at, ended_at = l.ended_at,
        due_at = {due_at("l.wake_at", nudged_at, "null")},
        nudges = r.nudges + {nudged}, nudged_at = {nudged_at},
        reserved_until = null, parked_until = null, park_reason = null, parked = 0, updated_at = {NOW}
    from {source}
    where r.namespace = l.namespace and r.run_id = l.run_id
    returning r.run_id
)"""


_STARTED = f"""
started as (
    insert into squidie_runs (namespace, run_id, rev, commit_id, bytes, min_reader, workflow, version, queue,
        priority, status, needs, tags, wake_at, due_at, started_at, ended_at, start_digest, parent, updated_at)
    select i.namespace, i.run_id, i.count, i.commit_id, octet_length(i.body), i.min_reader, i.workflow, i.version,
        i.queue, i.priority, i.status, i.needs::text[], i.tags::text[], i.wake_at, {written_at("i.wake_at")},
        i.started_at, i.ended_at, i.start_digest, i.parent, {NOW}
    from input i
    where {_START_IS_FREE}
    order by i.run_id
    on conflict do nothing
    returning run_id
)"""

_STARTED_TOGETHER = (
    _STARTED.replace("from input i", "from input i join gate on gate.is_open")
    .replace(_START_IS_FREE, "i.expected_rev = 0")
    .replace("on conflict do nothing", "")
)

_WRITTEN = """
insert into squidie_commits (namespace, run_id, rev, count, commit_id, previous, body)
select i.namespace, i.run_id, i.expected_rev + 1, i.count, i.commit_id, i.expected_commit_id, i.body
from input i
join accepted on accepted.run_id = i.run_id
returning run_id"""

_ACCEPTED = "accepted as (select run_id from updated union all select run_id from started)"

# The runs that commits want looked at, if they take effect: a run that the statement itself appends to gets its nudge
# from the append's update, any other is locked and updated, and passed over where somebody else has it.
IS_RUN = "coalesce(r.expires_at, 0) = 0"
"""Of a row that is looked up by its key: it is no tombstone. Said so, no index of runs alone can take the place of the
key: where the planner knows nothing of a table yet, those that begin with the namespace seem as good to it."""

_HINTED = f"""
hinted as materialized (
    select %(namespace)s::text as namespace, h.run_id, count(*) as times
    from unnest(%(nudgers)s::text[], %(nudged)s::text[]) as h (nudger, run_id)
    where h.nudger is null
        or exists (select from locked l where l.run_id = h.nudger)
        or exists (select from started s where s.run_id = h.nudger)
    group by h.run_id
),
reached as materialized (
    select h.namespace, h.run_id, h.times
    from hinted h, lateral (
        select from squidie_runs r
        where r.namespace = h.namespace and r.run_id = h.run_id and {IS_RUN}
        for no key update skip locked) r
    where not exists (select from locked l where l.run_id = h.run_id)
)"""

_HINTED_TOGETHER = _HINTED.replace("where h.nudger is null", "join gate on gate.is_open\n    where h.nudger is null")

NUDGED_AT = f"case when r.ended_at is null then coalesce(r.nudged_at, {NOW}) end"

_NUDGED = f"""
nudged as (
    update squidie_runs r
    set nudges = r.nudges + n.times, nudged_at = {NUDGED_AT},
        due_at = {due_at("r.wake_at", NUDGED_AT, "r.parked_until")}
    from reached n
    where r.namespace = n.namespace and r.run_id = n.run_id
)"""

# Each run that was written, and each that exists and was not reached by a nudge.
_WRITTEN_AND_MISSED = f"""
written as ({_WRITTEN})
select run_id, false as missed from written
union all
select h.run_id, true
from hinted h, lateral (
    select from squidie_runs r where r.namespace = h.namespace and r.run_id = h.run_id and {IS_RUN}
    offset 0) r
where not exists (select from reached n where n.run_id = h.run_id)
    and not exists (select from locked l where l.run_id = h.run_id)"""

_IF_OPEN = "locked l join gate on gate.is_open"
_WITH_HINTS = "left join hinted h on h.run_id = l.run_id"
_TIMES = "coalesce(h.times, 0)"

_UPDATED = _updated("locked l")
_UPDATED_TOGETHER = _updated(_IF_OPEN)
_UPDATED_AND_NUDGED = _updated(f"locked l {_WITH_HINTS}", _TIMES)
_UPDATED_TOGETHER_AND_NUDGED = _updated(f"{_IF_OPEN} {_WITH_HINTS}", _TIMES)

APPEND = f"with {_INPUT_OF_APPENDS}, {_LOCKED}, {_UPDATED}, accepted as (select run_id from updated) {_WRITTEN}"
"""Commits of one append each, none of them a start -> run_id of those accepted."""

APPEND_ONE = APPEND.replace(_INPUT_OF_APPENDS, _one(_APPEND_COLUMNS))
"""The same for one commit, which is what a run alone writes."""

START_ONE = f"with {_one(_START_COLUMNS)}, {_STARTED}, accepted as (select run_id from started) {_WRITTEN}"
"""A commit of one start -> its run_id if it is accepted."""

APPEND_OR_START = f"with {_INPUT_WITH_STARTS}, {_LOCKED}, {_UPDATED}, {_STARTED}, {_ACCEPTED} {_WRITTEN}"
"""Commits of one append each -> run_id of those accepted."""

APPEND_TOGETHER = (
    f"with {_INPUT_WITH_STARTS}, {_LOCKED}, {_GATE}, {_UPDATED_TOGETHER}, {_STARTED_TOGETHER}, {_ACCEPTED} {_WRITTEN}"
)
"""The appends of one commit -> run_id of all of them or of none."""

APPEND_AND_NUDGE = (
    f"with {_INPUT_WITH_STARTS}, {_LOCKED}, {_STARTED}, {_HINTED}, {_UPDATED_AND_NUDGED}, {_NUDGED}, "
    f"{_ACCEPTED}, {_WRITTEN_AND_MISSED}"
)
"""Commits of at most one append each, with nudges -> run_id, whether it is one that a nudge has missed."""

APPEND_TOGETHER_AND_NUDGE = (
    f"with {_INPUT_WITH_STARTS}, {_LOCKED}, {_GATE}, {_STARTED_TOGETHER}, {_HINTED_TOGETHER}, "
    f"{_UPDATED_TOGETHER_AND_NUDGED}, {_NUDGED}, {_ACCEPTED}, {_WRITTEN_AND_MISSED}"
)
"""The appends of one commit with nudges -> the same."""
