# ruff: noqa: S608 -- texts are put together from constants of this package alone
"""PostgreSQL's statements that forget runs which have ended.

The row of a purged run stays as its tombstone: no start can take the id meanwhile, whenever it began to look.
"""

from __future__ import annotations

from squidie_storage_sql.postgresql.appending import IS_RUN
from squidie_storage_sql.postgresql.looking import HOME
from squidie_storage_sql.postgresql.times import NOW

_OVER = """r.status = %(status)s and r.ended_at < %(before)s and r.quarantine_reason is null
            and {is_run}
            and not exists (
                select from squidie_runs p
                where p.namespace = r.namespace and p.run_id = r.parent and p.ended_at is null)"""
_IS_OVER = _OVER.replace("{is_run}", "r.expires_at is null")
_IS_STILL_OVER = _OVER.replace("{is_run}", IS_RUN)

# No run ends before it starts.
_FOUND = f"""
found as materialized (
    select f.*
    from home, lateral (
        select r.run_id, r.started_at, r.rev, r.commit_id from squidie_runs r
        where r.namespace = home.namespace and {_IS_OVER} and r.started_at < %(before)s
            and (r.started_at, r.run_id) > (%(started_at)s, %(run_id)s)
        order by r.started_at, r.run_id
        limit %(limit)s) f
)"""

PURGEABLE = f"""
with {HOME}, {_FOUND}
select started_at, run_id from found order by started_at, run_id"""

# What is deleted is what the statement's snapshot shows, so nothing may have been appended since.
PURGE = f"""
with {HOME}, {_FOUND},
taken as materialized (
    select home.namespace, found.run_id
    from home, found, lateral (
        select from squidie_runs r
        where r.namespace = home.namespace and r.run_id = found.run_id
            and r.rev = found.rev and r.commit_id = found.commit_id and {_IS_STILL_OVER}
        for no key update skip locked) r
),
forgotten as (
    delete from squidie_commits c
    using taken
    where c.namespace = taken.namespace and c.run_id = taken.run_id
),
unchecked as (
    delete from squidie_checkpoints p
    using taken
    where p.namespace = taken.namespace and p.run_id = taken.run_id
),
buried as (
    update squidie_runs r
    set rev = 0, bytes = 0, version = null, needs = '{{}}', tags = '{{}}', wake_at = null, due_at = null,
        reserved_until = null, parked_until = null, park_reason = null, parked = 0, nudges = 0, nudged_at = null,
        parent = null, expires_at = %(remember_until)s, updated_at = {NOW}
    from taken
    where r.namespace = taken.namespace and r.run_id = taken.run_id
),
old as materialized (
    select home.namespace, o.run_id
    from home, lateral (
        select r.run_id from squidie_runs r
        where r.namespace = home.namespace and r.expires_at <= {NOW}
        order by r.expires_at
        limit %(limit)s
        for update skip locked) o
),
collected as (
    delete from squidie_runs r
    using old
    where r.namespace = old.namespace and r.run_id = old.run_id
    returning r.run_id
)
select (select count(*) from collected), found.started_at, found.run_id, taken.run_id is not null
from home
left join found on true
left join taken on taken.run_id = found.run_id
order by found.started_at, found.run_id"""
"""One row at least; each has how many tombstones were collected."""
