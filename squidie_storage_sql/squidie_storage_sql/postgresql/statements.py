# ruff: noqa: S608 -- texts are put together from constants of this module alone
"""PostgreSQL's statements. A set travels as arrays, so no text depends on a size and all can be prepared.

The planner must find every row by its whole key, also in a namespace that its statistics do not know: there it would
take a scan of the whole namespace for a single row. So the namespace comes out of a materialized row, never as a
constant, and rows are looked up one by one in lateral subqueries.
"""

from __future__ import annotations

from dataclasses import dataclass

from squidie_core.journal.codec import READER_VERSION
from squidie_storage_sql.database import LOADED_BYTES
from squidie_storage_sql.statements import Statements
from squidie_storage_sql.tables import in_schema

BACKDATED = 500
"""By how many milliseconds at most a row's due time may lie before the moment at which it is written.

So nothing comes in far below the marks up to which `due` found everything done (`postgresql.marks`).
"""

VISIBLE_AFTER = 1_500
"""Milliseconds within which a written row is committed, but for a transaction that a host keeps open."""

NOW = "(extract(epoch from clock_timestamp()) * 1000)::int8"


def _due_at(wake_at: str, nudged_at: str, parked_until: str) -> str:
    """When a worker should look: at its time or when nudged, not while parked, never while quarantined."""
    return f"case when r.quarantine_reason is null then {_due_at_once(wake_at, nudged_at, parked_until)} end"


def _due_at_once(wake_at: str, nudged_at: str, parked_until: str) -> str:
    """The same for a run that is not quarantined, or not any more."""
    least = f"least({wake_at}, {nudged_at})"
    return f"case when {least} is not null then greatest({least}, {parked_until}, {_EARLIEST}) end"


def _written(wake_at: str) -> str:
    """The due time of a row that is written anew."""
    return f"case when {wake_at} is not null then greatest({wake_at}, {_EARLIEST}) end"


_EARLIEST = f"{NOW} - {BACKDATED}"


_HOME = "home as materialized (select %(namespace)s::text as namespace)"

# ------------------------------------------------------------------------------------------------ commit

_INPUT_OF_APPENDS = """
input as materialized (
    select %(namespace)s::text as namespace, i.* from unnest(
        %(thread_ids)s::text[], %(expected_revs)s::int8[], %(expected_commit_ids)s::int8[], %(counts)s::int8[],
        %(commit_ids)s::int8[], %(bodies)s::text[], %(min_readers)s::int8[], %(statuses)s::text[],
        %(needs)s::text[], %(wake_ats)s::int8[], %(ended_ats)s::int8[]
    ) as i (run_id, expected_rev, expected_commit_id, count, commit_id, body, min_reader, status,
            needs, wake_at, ended_at)
)"""

_INPUT_WITH_STARTS = """
input as materialized (
    select %(namespace)s::text as namespace, i.* from unnest(
        %(thread_ids)s::text[], %(expected_revs)s::int8[], %(expected_commit_ids)s::int8[], %(counts)s::int8[],
        %(commit_ids)s::int8[], %(bodies)s::text[], %(min_readers)s::int8[], %(statuses)s::text[],
        %(needs)s::text[], %(wake_ats)s::int8[], %(ended_ats)s::int8[],
        %(workflows)s::text[], %(versions)s::text[], %(queues)s::text[], %(priorities)s::int8[],
        %(started_ats)s::int8[], %(tags)s::text[]
    ) as i (run_id, expected_rev, expected_commit_id, count, commit_id, body, min_reader, status,
            needs, wake_at, ended_at,
            workflow, version, queue, priority, started_at, tags)
)"""

# A row that somebody else has locked is passed over: no commit waits, so no two can deadlock, in whatever order.
_LOCKED = """
locked as materialized (
    select i.namespace, i.run_id, i.expected_rev + i.count as rev, i.commit_id, octet_length(i.body) as bytes,
        i.min_reader, i.status, i.needs, i.wake_at, i.ended_at
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

_UPDATED = f"""
updated as (
    update squidie_runs r
    set rev = l.rev, commit_id = l.commit_id, bytes = r.bytes + l.bytes, min_reader = l.min_reader,
        status = l.status, needs = l.needs::text[], wake_at = l.wake_at, ended_at = l.ended_at,
        due_at = case when r.quarantine_reason is null then {_written("l.wake_at")} end,
        nudged_at = null,
        reserved_until = null, parked_until = null, park_reason = null, parked = 0, updated_at = {NOW}
    from locked l
    where r.namespace = l.namespace and r.run_id = l.run_id
    returning r.run_id
)"""

_STARTED = f"""
started as (
    insert into squidie_runs (namespace, run_id, rev, commit_id, bytes, min_reader, workflow, version, queue,
        priority, status, needs, tags, wake_at, due_at, started_at, ended_at, updated_at)
    select i.namespace, i.run_id, i.count, i.commit_id, octet_length(i.body), i.min_reader, i.workflow, i.version,
        i.queue, i.priority, i.status, i.needs::text[], i.tags::text[], i.wake_at, {_written("i.wake_at")},
        i.started_at, i.ended_at, {NOW}
    from input i
    where {_START_IS_FREE}
    order by i.run_id
    on conflict do nothing
    returning run_id
)"""

_UPDATED_TOGETHER = _UPDATED.replace("from locked l", "from locked l join gate on gate.is_open")

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

APPEND = f"with {_INPUT_OF_APPENDS}, {_LOCKED}, {_UPDATED}, accepted as (select run_id from updated) {_WRITTEN}"
"""Commits of one append each, none of them a start -> run_id of those accepted."""

APPEND_OR_START = f"with {_INPUT_WITH_STARTS}, {_LOCKED}, {_UPDATED}, {_STARTED}, {_ACCEPTED} {_WRITTEN}"
"""Commits of one append each -> run_id of those accepted."""

APPEND_TOGETHER = (
    f"with {_INPUT_WITH_STARTS}, {_LOCKED}, {_GATE}, {_UPDATED_TOGETHER}, {_STARTED_TOGETHER}, {_ACCEPTED} {_WRITTEN}"
)
"""The appends of one commit -> run_id of all of them or of none."""

# ------------------------------------------------------------------------------------------------ wanted

_WANTED = """
wanted as materialized (
    select %(namespace)s::text as namespace, run_id from unnest(%(thread_ids)s::text[]) as u (run_id)
)"""

_WANTED_FROM = """
wanted as materialized (
    select %(namespace)s::text as namespace, run_id, rev
    from unnest(%(thread_ids)s::text[], %(revs)s::int8[]) as u (run_id, rev)
)"""

_THE_RUN = """lateral (
    select * from squidie_runs r
    where r.namespace = w.namespace and r.run_id = w.run_id
    offset 0) r"""

# Neither a nudge nor a reservation waits: where somebody has the row, the run is being looked at anyway.
_CHOSEN = """
chosen as materialized (
    select w.namespace, w.run_id
    from wanted w, lateral (
        select from squidie_runs r
        where r.namespace = w.namespace and r.run_id = w.run_id
        for no key update skip locked) r
)"""

_STANDINGS = f"""
with {_WANTED_FROM}
select w.run_id, r.rev, r.commit_id, c.commit_id
from wanted w
left join {_THE_RUN} on true
left join lateral (
    select c.commit_id from squidie_commits c
    where c.namespace = w.namespace and c.run_id = w.run_id and c.rev = w.rev
    offset 0) c on true"""

_HEADS = f"""
with {_WANTED}
select r.run_id, r.rev, r.commit_id, r.status, r.nudges, r.parked_until, r.park_reason, r.quarantine_reason
from wanted w, {_THE_RUN}"""

_NUDGE = f"""
with {_WANTED}, {_CHOSEN}
update squidie_runs r
set nudges = r.nudges + 1, nudged_at = coalesce(r.nudged_at, {NOW}),
    due_at = {_due_at("r.wake_at", f"coalesce(r.nudged_at, {NOW})", "r.parked_until")}
from chosen
where r.namespace = chosen.namespace and r.run_id = chosen.run_id
returning r.run_id"""

_RESERVE = f"""
with {_WANTED}, {_CHOSEN}
update squidie_runs r
set due_at = {_due_at("r.wake_at", "r.nudged_at", "%(until)s::int8")},
    parked_until = %(until)s::int8, park_reason = %(reason)s, parked = r.parked + 1, reserved_until = null
from chosen
where r.namespace = chosen.namespace and r.run_id = chosen.run_id
returning r.run_id"""

# ------------------------------------------------------------------------------------------------ due

# By priority: nothing that these offers could advance is due at or below its mark.
_LANES = "unnest(%(marks)s::int8[]) with ordinality as lane (mark, number)"

_DUE_IN_A_LANE = f"""
        from squidie_runs r
        where r.namespace = home.namespace and r.queue = %(queue)s and r.priority = lane.number - 1
            and r.due_at > lane.mark and r.due_at <= clock.now
            and r.needs && %(offers)s::text[] and r.min_reader <= {READER_VERSION}"""

_FREE = "(r.reserved_until is null or r.reserved_until <= clock.now)"

_PICKED_BY_PRIORITY = f"""
picked as materialized (
    select d.run_id
    from home, clock, {_LANES}, lateral (
        select r.run_id {_DUE_IN_A_LANE} and {_FREE}
        order by r.due_at
        limit %(limit)s
        for no key update skip locked) d
    limit %(limit)s
)"""

_PICKED_BY_AGE = f"""
oldest as materialized (
    select d.run_id
    from home, clock, {_LANES}, lateral (
        select r.run_id, r.due_at {_DUE_IN_A_LANE} and {_FREE}
        order by r.due_at
        limit %(limit)s) d
    order by d.due_at
    limit %(limit)s
),
picked as materialized (
    select oldest.run_id
    from home, clock, oldest, lateral (
        select from squidie_runs r
        where r.namespace = home.namespace and r.run_id = oldest.run_id
            and r.due_at <= clock.now and {_FREE}
        for no key update skip locked) r
)"""

_RESERVED = """
reserved as (
    update squidie_runs r
    set reserved_until = clock.now + %(reserve_for)s
    from home, clock, picked
    where r.namespace = home.namespace and r.run_id = picked.run_id
    returning r.run_id, r.rev, r.commit_id, r.parked, r.nudges, r.priority, r.bytes,
        least(r.wake_at, r.nudged_at) as due_since
)"""

# The new marks: below what is there, picked, reserved, locked or none of it, and below what may be on its way.
_MARKS = f"""
case when %(moving)s then array(
    select least(clock.now - {BACKDATED + VISIBLE_AFTER}, (
        select r.due_at - 1 {_DUE_IN_A_LANE}
        order by r.due_at
        limit 1))
    from home, {_LANES}
    order by lane.number) end"""

# Not further ahead than the caller's pause between two looks: beyond lie the ends of leases, dead ones for the most
# part while somebody holds an old snapshot.
_NEXT_WAKE = """(
    select min(n.due_at)
    from home, generate_series(0, 9) as p (priority), lateral (
        select r.due_at from squidie_runs r
        where r.namespace = home.namespace and r.queue = %(queue)s and r.priority = p.priority
            and r.due_at > clock.now and r.due_at <= clock.now + %(ahead)s
        order by r.due_at
        limit 1) n
)"""

_WITH_SMALL_THREADS = f"""
select {_MARKS}, clock.now, case when (select count(*) from picked) < %(limit)s then {_NEXT_WAKE} end,
    d.run_id, d.rev, d.commit_id, d.parked, d.nudges, c.rev, c.count, c.commit_id, c.previous, c.body
from clock
left join reserved d on true
left join lateral (
    select c.rev, c.count, c.commit_id, c.previous, c.body from squidie_commits c
    where c.namespace = %(namespace)s and c.run_id = d.run_id and d.bytes <= {LOADED_BYTES}
    offset 0) c on true"""

_CLOCK = f"clock as materialized (select {NOW} as now)"

DUE = f"""
with {_HOME}, {_CLOCK}, {_PICKED_BY_PRIORITY}, {_RESERVED}
{_WITH_SMALL_THREADS}
order by d.priority, d.due_since, d.run_id, c.rev"""

DUE_OLDEST = f"""
with {_HOME}, {_CLOCK}, {_PICKED_BY_AGE}, {_RESERVED}
{_WITH_SMALL_THREADS}
order by d.due_since, d.run_id, c.rev"""

# ------------------------------------------------------------------------------------------------ threads

# A checkpoint stands for commits only if the thread has been in its state.
_LOAD = f"""
with {_WANTED_FROM},
found as materialized (
    select r.namespace, r.run_id, r.rev, r.commit_id, r.nudges, p.rev as checkpoint_rev,
        coalesce(w.rev, p.rev, 0) as after
    from wanted w
    join {_THE_RUN} on true
    left join lateral (
        select p.rev from squidie_checkpoints p
        where w.rev is null and p.namespace = w.namespace and p.run_id = w.run_id and p.rev <= r.rev
            and (p.rev, p.commit_id) = (
                select c.rev + c.count - 1, c.commit_id from squidie_commits c
                where c.namespace = p.namespace and c.run_id = p.run_id and c.rev <= p.rev
                order by c.rev desc
                limit 1)
        offset 0) p on true
)
select run_id, 0 as part, rev, commit_id, nudges, null::int8 as previous, null::text as body
from found
union all
select f.run_id, 1, p.rev, p.commit_id, p.fold_version, null, p.body
from found f, lateral (
    select * from squidie_checkpoints p
    where p.namespace = f.namespace and p.run_id = f.run_id and p.rev = f.checkpoint_rev
    offset 0) p
union all
select f.run_id, 2, c.rev, c.commit_id, c.count, c.previous, c.body
from found f, lateral (
    select * from squidie_commits c
    where c.namespace = f.namespace and c.run_id = f.run_id and c.rev > f.after
    offset 0) c
order by run_id, part, rev"""

_READ = """
select c.rev, c.count, c.commit_id, c.previous, c.body
from squidie_commits c
where c.namespace = %(namespace)s and c.run_id = %(thread_id)s
    and c.rev >= coalesce((
        select max(b.rev) from squidie_commits b
        where b.namespace = %(namespace)s and b.run_id = %(thread_id)s and b.rev <= %(after)s::int8 + 1), 0)
    and c.rev + c.count - 1 > %(after)s::int8
order by c.rev
limit %(limit)s"""

_PUT_CHECKPOINT = """
insert into squidie_checkpoints as p (namespace, run_id, rev, commit_id, fold_version, body)
values (%(namespace)s, %(thread_id)s, %(rev)s, %(commit_id)s, %(fold_version)s, %(body)s)
on conflict (namespace, run_id) do update
set rev = excluded.rev, commit_id = excluded.commit_id, fold_version = excluded.fold_version, body = excluded.body
where excluded.rev >= p.rev
returning run_id"""

_DELETE_CHECKPOINT = """
delete from squidie_checkpoints where namespace = %(namespace)s and run_id = %(thread_id)s
returning run_id"""

# ------------------------------------------------------------------------------------------------ listing

_LISTING = f"""
with {_HOME}
select r.run_id, r.rev, r.commit_id, r.updated_at, r.parked_until, r.park_reason, r.quarantine_reason,
    r.workflow, r.queue, r.priority, r.status, r.started_at, r.wake_at, r.needs, r.ended_at, r.version, r.tags,
    r.min_reader
from home, lateral (
    select * from squidie_runs r
    where r.namespace = home.namespace{{filters}}
    order by r.started_at desc, r.run_id desc
    limit %(limit)s) r
order by r.started_at desc, r.run_id desc"""

_FILTERS = {
    "workflow": "r.workflow = %(workflow)s",
    "status": "r.status = %(status)s",
    "queue": "r.queue = %(queue)s",
    "tag": "%(tag)s = any (r.tags)",
    "due_before": "r.wake_at <= %(due_before)s",
    "quarantined": "r.quarantine_reason is not null",
    "unquarantined": "r.quarantine_reason is null",
    "after": "(r.started_at, r.run_id) < (%(started_at)s, %(run_id)s)",
}

# ------------------------------------------------------------------------------------------------ blobs

_PUT_BLOB = """
insert into squidie_blobs (namespace, digest, body) values (%(namespace)s, %(digest)s, %(body)s)
on conflict do nothing
returning digest"""

_GET_BLOBS = """
select digest, body from squidie_blobs where namespace = %(namespace)s and digest = any (%(digests)s::text[])"""

# ------------------------------------------------------------------------------------------------ care

# These two must take effect, so they wait for the row, though not for ever.
_PATIENT = """
with home as materialized (
    select %(namespace)s::text as namespace, set_config('lock_timeout', %(lock_timeout)s, true) as patience
)"""

_QUARANTINE = f"""{_PATIENT}
update squidie_runs r
set quarantine_reason = %(reason)s, quarantine_by = %(by)s, quarantine_at = {NOW}, due_at = null
from home
where r.namespace = home.namespace and r.run_id = %(thread_id)s
returning r.run_id"""

_UNQUARANTINE = f"""{_PATIENT}
update squidie_runs r
set quarantine_reason = null, quarantine_by = null, quarantine_at = null,
    due_at = {_due_at_once("r.wake_at", "r.nudged_at", "r.parked_until")}
from home
where r.namespace = home.namespace and r.run_id = %(thread_id)s and r.quarantine_reason is not null
returning r.run_id"""

_THREAD_IDS = """
with recursive thread (run_id) as (
    select min(c.run_id) from squidie_commits c where c.namespace = %(namespace)s and c.run_id > %(after)s
    union all
    select (select min(c.run_id) from squidie_commits c where c.namespace = %(namespace)s and c.run_id > t.run_id)
    from thread t
    where t.run_id is not null
)
select run_id from thread where run_id is not null limit %(limit)s"""

_REINDEX = f"""{_PATIENT}
update squidie_runs r
set rev = %(rev)s, commit_id = %(commit_id)s, bytes = %(bytes)s, min_reader = %(min_reader)s,
    workflow = %(workflow)s, version = %(version)s, queue = %(queue)s, priority = %(priority)s, status = %(status)s,
    needs = %(needs)s, tags = %(tags)s, wake_at = %(wake_at)s::int8, started_at = %(started_at)s,
    ended_at = %(ended_at)s,
    due_at = {_due_at("%(wake_at)s::int8", "r.nudged_at", "r.parked_until")},
    updated_at = {NOW}
from home
where r.namespace = home.namespace and r.run_id = %(thread_id)s
    and r.rev = %(seen_rev)s and r.commit_id = %(seen_commit_id)s
returning r.run_id"""

_RESTORE = f"""
insert into squidie_runs (namespace, run_id, rev, commit_id, bytes, min_reader, workflow, version, queue, priority,
    status, needs, tags, wake_at, due_at, started_at, ended_at, updated_at)
values (%(namespace)s, %(thread_id)s, %(rev)s, %(commit_id)s, %(bytes)s, %(min_reader)s, %(workflow)s, %(version)s,
    %(queue)s, %(priority)s, %(status)s, %(needs)s, %(tags)s, %(wake_at)s::int8, {_written("%(wake_at)s::int8")},
    %(started_at)s, %(ended_at)s, {NOW})
on conflict do nothing
returning run_id"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlStatements(Statements):
    """The common statements and those that only this dialect has."""

    clock: str
    append: str
    append_or_start: str
    append_together: str
    due: str
    due_oldest: str


def statements(schema: str | None) -> PostgresqlStatements:
    """All statements, for tables in this schema or, without one, on the search path."""

    def here(statement: str) -> str:
        return in_schema(statement, schema)

    return PostgresqlStatements(
        clock=f"select {NOW}",
        append=here(APPEND),
        append_or_start=here(APPEND_OR_START),
        append_together=here(APPEND_TOGETHER),
        standings=here(_STANDINGS),
        nudge=here(_NUDGE),
        due=here(DUE),
        due_oldest=here(DUE_OLDEST),
        reserve=here(_RESERVE),
        heads=here(_HEADS),
        load=here(_LOAD),
        read=here(_READ),
        put_checkpoint=here(_PUT_CHECKPOINT),
        delete_checkpoint=here(_DELETE_CHECKPOINT),
        listing=here(_LISTING),
        filters=_FILTERS,
        put_blob=here(_PUT_BLOB),
        get_blobs=here(_GET_BLOBS),
        quarantine=here(_QUARANTINE),
        unquarantine=here(_UNQUARANTINE),
        thread_ids=here(_THREAD_IDS),
        reindex=here(_REINDEX),
        restore=here(_RESTORE),
    )
