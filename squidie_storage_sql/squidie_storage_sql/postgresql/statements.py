# ruff: noqa: S608 -- texts are put together from constants of this package alone
"""PostgreSQL's statements. A set travels as arrays, so no text depends on a size and all can be prepared.

The planner must find every row by its whole key, also in a namespace that its statistics do not know: there it would
take a scan of the whole namespace for a single row. So the namespace comes out of a materialized row, never as a
constant, and rows are looked up one by one in lateral subqueries.
"""

from __future__ import annotations

from functools import lru_cache

from squidie_core.dataclass import record
from squidie_storage_sql.postgresql import appending, looking, purging
from squidie_storage_sql.postgresql.appending import IS_RUN, NUDGED_AT
from squidie_storage_sql.postgresql.looking import HOME
from squidie_storage_sql.postgresql.times import NOW, due_at, due_at_once, written_at
from squidie_storage_sql.statements import Statements
from squidie_storage_sql.tables import in_schema

# ------------------------------------------------------------------------------------------------ wanted

_WANTED = """
wanted as materialized (
    select %(namespace)s::text as namespace, run_id from unnest(%(thread_ids)s::text[]) as u (run_id)
)"""

_WANTED_WITH_NUMBERS = """
wanted as materialized (
    select %(namespace)s::text as namespace, run_id, number
    from unnest(%(thread_ids)s::text[], %(numbers)s::int8[]) as u (run_id, number)
)"""

WHEREABOUTS = """
select n.nspname::text, c.oid::int8, d.oid::int8, extract(epoch from pg_postmaster_start_time())::text
from pg_database d
left join pg_class c on c.oid = to_regclass('squidie_runs')
left join pg_namespace n on n.oid = c.relnamespace
where d.datname = current_database()"""
"""Which tables a connection leads to: their schema, null where there are none; what they and their database are to
their server; and which server that is, for one that was copied from another has all the rest in common with it."""

_THE_HEAD = """lateral (
    select * from squidie_runs r
    where r.namespace = w.namespace and r.run_id = w.run_id
    offset 0) r"""

# A purged run has left a row, and its id stays taken; nothing else sees it.
_THE_RUN = _THE_HEAD.replace("w.run_id\n", f"w.run_id and {IS_RUN}\n")

# Neither a nudge nor a reservation waits: where somebody has the row, the run is being looked at anyway.
_CHOSEN = f"""
chosen as materialized (
    select w.*
    from wanted w, lateral (
        select from squidie_runs r
        where r.namespace = w.namespace and r.run_id = w.run_id and {IS_RUN}
        for no key update skip locked) r
)"""

_STANDINGS = f"""
with {_WANTED_WITH_NUMBERS}
select w.run_id, r.rev, r.commit_id, c.commit_id
from wanted w
left join {_THE_HEAD} on true
left join lateral (
    select c.commit_id from squidie_commits c
    where c.namespace = w.namespace and c.run_id = w.run_id and c.rev = w.number
    offset 0) c on true"""

_HEADS = f"""
with {_WANTED}
select r.run_id, r.rev, r.commit_id, r.status, r.nudges, r.parked_until, r.park_reason, r.quarantine_reason
from wanted w, {_THE_RUN}"""

_NUDGE = f"""
with {_WANTED}, {_CHOSEN}
update squidie_runs r
set nudges = r.nudges + 1, nudged_at = {NUDGED_AT},
    due_at = {due_at("r.wake_at", NUDGED_AT, "r.parked_until")}
from chosen
where r.namespace = chosen.namespace and r.run_id = chosen.run_id
returning r.run_id"""

_RESERVE = f"""
with {_WANTED}, {_CHOSEN}
update squidie_runs r
set due_at = {due_at("r.wake_at", "r.nudged_at", "%(until)s::int8")},
    parked_until = %(until)s::int8, park_reason = %(reason)s, parked = r.parked + 1, reserved_until = null
from chosen
where r.namespace = chosen.namespace and r.run_id = chosen.run_id
returning r.run_id"""

_UNSEEN = "case when r.nudges > chosen.number then r.nudged_at end"

_ACKNOWLEDGE = f"""
with {_WANTED_WITH_NUMBERS}, {_CHOSEN}
update squidie_runs r
set reserved_until = null, nudged_at = {_UNSEEN}, due_at = {due_at("r.wake_at", _UNSEEN, "r.parked_until")}
from chosen
where r.namespace = chosen.namespace and r.run_id = chosen.run_id
returning r.run_id"""

# ------------------------------------------------------------------------------------------------ threads

# A checkpoint stands for commits only if the thread has been in its state.
_LOAD = f"""
with {_WANTED_WITH_NUMBERS},
found as materialized (
    select r.namespace, r.run_id, r.rev, r.commit_id, r.nudges, p.rev as checkpoint_rev,
        coalesce(w.number, p.rev, 0) as after
    from wanted w
    join {_THE_RUN} on true
    left join lateral (
        select p.rev from squidie_checkpoints p
        where w.number is null and p.namespace = w.namespace and p.run_id = w.run_id and p.rev <= r.rev
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
with {HOME}
select r.run_id, r.rev, r.commit_id, r.updated_at, r.parked_until, r.park_reason, r.quarantine_reason,
    r.workflow, r.queue, r.priority, r.status, r.started_at, r.wake_at, r.needs, r.ended_at, r.version, r.tags,
    r.min_reader, r.start_digest, r.parent
from home, lateral (
    select * from squidie_runs r
    where r.namespace = home.namespace and r.expires_at is null{{filters}}
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
where r.namespace = home.namespace and r.run_id = %(thread_id)s and {IS_RUN}
returning r.run_id"""

_UNQUARANTINE = f"""{_PATIENT}
update squidie_runs r
set quarantine_reason = null, quarantine_by = null, quarantine_at = null,
    due_at = {due_at_once("r.wake_at", "r.nudged_at", "r.parked_until")}
from home
where r.namespace = home.namespace and r.run_id = %(thread_id)s and r.quarantine_reason is not null
returning r.run_id"""

_TOMBSTONES = f"""
with {_WANTED}
select r.run_id, r.workflow, r.status, r.start_digest, r.ended_at, r.expires_at
from wanted w, {_THE_HEAD}
where r.expires_at is not null"""

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
    ended_at = %(ended_at)s, start_digest = %(start_digest)s, parent = %(parent)s,
    due_at = {due_at("%(wake_at)s::int8", "r.nudged_at", "r.parked_until")},
    updated_at = {NOW}
from home
where r.namespace = home.namespace and r.run_id = %(thread_id)s
    and r.rev = %(seen_rev)s and r.commit_id = %(seen_commit_id)s
returning r.run_id"""

_RESTORE = f"""
insert into squidie_runs (namespace, run_id, rev, commit_id, bytes, min_reader, workflow, version, queue, priority,
    status, needs, tags, wake_at, due_at, started_at, ended_at, start_digest, parent, updated_at)
values (%(namespace)s, %(thread_id)s, %(rev)s, %(commit_id)s, %(bytes)s, %(min_reader)s, %(workflow)s, %(version)s,
    %(queue)s, %(priority)s, %(status)s, %(needs)s, %(tags)s, %(wake_at)s::int8, {written_at("%(wake_at)s::int8")},
    %(started_at)s, %(ended_at)s, %(start_digest)s, %(parent)s, {NOW})
on conflict do nothing
returning run_id"""


@record(frozen=True, slots=True, kw_only=True)
class PostgresqlStatements(Statements):
    """The common statements and those that only this dialect has."""

    clock: str
    append: str
    append_one: str
    start_one: str
    append_or_start: str
    append_together: str
    append_and_nudge: str
    append_together_and_nudge: str
    due: str
    due_oldest: str
    purge: str


@lru_cache(maxsize=16)
def statements(schema: str | None) -> PostgresqlStatements:
    """All statements, for tables in this schema or, without one, on the search path."""

    def here(statement: str) -> str:
        return in_schema(statement, schema)

    return PostgresqlStatements(
        clock=f"select {NOW}",
        append=here(appending.APPEND),
        append_one=here(appending.APPEND_ONE),
        start_one=here(appending.START_ONE),
        append_or_start=here(appending.APPEND_OR_START),
        append_together=here(appending.APPEND_TOGETHER),
        append_and_nudge=here(appending.APPEND_AND_NUDGE),
        append_together_and_nudge=here(appending.APPEND_TOGETHER_AND_NUDGE),
        standings=here(_STANDINGS),
        nudge=here(_NUDGE),
        acknowledge=here(_ACKNOWLEDGE),
        due=here(looking.DUE),
        due_oldest=here(looking.DUE_OLDEST),
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
        purgeable=here(purging.PURGEABLE),
        purge=here(purging.PURGE),
        tombstones=here(_TOMBSTONES),
        thread_ids=here(_THREAD_IDS),
        reindex=here(_REINDEX),
        restore=here(_RESTORE),
    )
