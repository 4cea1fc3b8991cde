# ruff: noqa: S608 -- texts are put together from constants of this package alone
"""PostgreSQL's statements that look for due runs and reserve them."""

from __future__ import annotations

from squidie_core.journal.codec import READER_VERSION
from squidie_storage_sql.database import LOADED_BYTES
from squidie_storage_sql.postgresql.times import BACKDATED, NOW, VISIBLE_AFTER

HOME = "home as materialized (select %(namespace)s::text as namespace)"

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
with {HOME}, {_CLOCK}, {_PICKED_BY_PRIORITY}, {_RESERVED}
{_WITH_SMALL_THREADS}
order by d.priority, d.due_since, d.run_id, c.rev"""

DUE_OLDEST = f"""
with {HOME}, {_CLOCK}, {_PICKED_BY_AGE}, {_RESERVED}
{_WITH_SMALL_THREADS}
order by d.due_since, d.run_id, c.rev"""
