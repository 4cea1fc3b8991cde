# ruff: noqa: S608 -- texts are put together from constants of this module alone
"""SQLite's statements. A set travels as one JSON array; `:now` is this machine's clock.

There is one writer at a time, so nothing is ever locked by somebody else once a transaction has begun. `cross join`
keeps the tables in the written order, which no statistics tell the planner.
"""

from __future__ import annotations

from squidie_core.dataclass import record
from squidie_core.journal.codec import READER_VERSION
from squidie_storage_sql.database import LOADED_BYTES
from squidie_storage_sql.statements import Statements


def _due_at(wake_at: str, nudged_at: str, parked_until: str) -> str:
    """When a worker should look: at its time or when nudged, not while parked, never while quarantined."""
    return f"case when quarantine_reason is null then {_due_at_once(wake_at, nudged_at, parked_until)} end"


def _due_at_once(wake_at: str, nudged_at: str, parked_until: str) -> str:
    """The same for a run that is not quarantined, or not any more; min and max of a null are null."""
    earliest = f"min(coalesce({wake_at}, {nudged_at}), coalesce({nudged_at}, {wake_at}))"
    return f"max({earliest}, coalesce({parked_until}, 0))"


# ------------------------------------------------------------------------------------------------ commit

_STANDINGS = """
select json_extract(w.value, '$[0]'), r.rev, r.commit_id, c.commit_id
from json_each(:wanted) w
left join squidie_runs r on r.namespace = :namespace and r.run_id = json_extract(w.value, '$[0]')
left join squidie_commits c on c.namespace = :namespace and c.run_id = json_extract(w.value, '$[0]')
    and c.rev = json_extract(w.value, '$[1]')"""

_STILL_NUDGED = "case when :ended_at is null and nudges > :nudges_seen then nudged_at end"

_UPDATE_HEAD = f"""
update squidie_runs
set rev = :rev, commit_id = :commit_id, bytes = bytes + :bytes, min_reader = :min_reader, status = :status,
    needs = :needs, wake_at = :wake_at, ended_at = :ended_at,
    due_at = {_due_at(":wake_at", _STILL_NUDGED, "0")}, nudged_at = {_STILL_NUDGED},
    reserved_until = null, parked_until = null, park_reason = null, parked = 0, updated_at = :now
where namespace = :namespace and run_id = :thread_id"""

_INSERT_HEAD = """
insert into squidie_runs (namespace, run_id, rev, commit_id, bytes, min_reader, workflow, version, queue, priority,
    status, needs, tags, wake_at, due_at, started_at, ended_at, start_digest, parent, updated_at)
values (:namespace, :thread_id, :rev, :commit_id, :bytes, :min_reader, :workflow, :version, :queue, :priority,
    :status, :needs, :tags, :wake_at, :wake_at, :started_at, :ended_at, :start_digest, :parent, :now)"""

_INSERT_COMMIT = """
insert into squidie_commits (namespace, run_id, rev, count, commit_id, previous, body)
values (:namespace, :thread_id, :first_rev, :count, :commit_id, :previous, :body)"""

_NUDGED_AT = "case when ended_at is null then coalesce(nudged_at, :now) end"

_NUDGE = f"""
update squidie_runs
set nudges = nudges + 1, nudged_at = {_NUDGED_AT}, due_at = {_due_at("wake_at", _NUDGED_AT, "parked_until")}
where namespace = :namespace and run_id in (select value from json_each(:thread_ids)) and expires_at is null"""

# ------------------------------------------------------------------------------------------------ due

_PRIORITIES = range(10)

_DUE_OF_A_PRIORITY = """
select * from (
    select r.run_id, r.rev, r.commit_id, r.parked, r.nudges, r.bytes, r.priority, r.due_at
    from squidie_runs r
    where r.namespace = :namespace and r.queue = :queue and r.priority = {priority} and r.due_at <= :now
        and (r.reserved_until is null or r.reserved_until <= :now)
        and exists (select 1 from json_each(r.needs) where value in (select value from json_each(:offers)))
        and r.min_reader <= {reader_version}
    order by r.due_at
    limit :limit)"""

_DUE = "union all".join(
    _DUE_OF_A_PRIORITY.format(priority=priority, reader_version=READER_VERSION) for priority in _PRIORITIES
)

_PICK = f"{_DUE} limit :limit"

_PICK_OLDEST = f"{_DUE} order by due_at limit :limit"

_RESERVE_PICKED = """
update squidie_runs set reserved_until = :now + :reserve_for
where namespace = :namespace and run_id in (select value from json_each(:thread_ids))"""

_BODIES = f"""
select r.run_id, c.rev, c.count, c.commit_id, c.previous, c.body
from squidie_runs r
cross join squidie_commits c on c.namespace = :namespace and c.run_id = r.run_id
where r.namespace = :namespace and r.run_id in (select value from json_each(:thread_ids)) and r.bytes <= {LOADED_BYTES}
order by c.run_id, c.rev"""

_NEXT_OF_A_PRIORITY = """
select min(r.due_at) as due_at from squidie_runs r
where r.namespace = :namespace and r.queue = :queue and r.priority = {priority} and r.due_at > :now
"""

_NEXT_WAKE = "select min(due_at) from ({})".format(
    "union all".join(_NEXT_OF_A_PRIORITY.format(priority=priority) for priority in _PRIORITIES)
)

_RESERVE = f"""
update squidie_runs
set due_at = {_due_at("wake_at", "nudged_at", ":until")},
    parked_until = :until, park_reason = :reason, parked = parked + 1, reserved_until = null
where namespace = :namespace and run_id in (select value from json_each(:thread_ids)) and expires_at is null"""

_SEEN = "(select json_extract(value, '$[1]') from json_each(:wanted) where json_extract(value, '$[0]') = run_id)"
_UNSEEN = f"case when nudges > {_SEEN} then nudged_at end"

_ACKNOWLEDGE = f"""
update squidie_runs
set reserved_until = null, nudged_at = {_UNSEEN}, due_at = {_due_at("wake_at", _UNSEEN, "parked_until")}
where namespace = :namespace and run_id in (select json_extract(value, '$[0]') from json_each(:wanted))
    and expires_at is null"""

# ------------------------------------------------------------------------------------------------ threads

_HEADS = """
select r.run_id, r.rev, r.commit_id, r.status, r.nudges, r.parked_until, r.park_reason, r.quarantine_reason
from squidie_runs r
where r.namespace = :namespace and r.run_id in (select value from json_each(:thread_ids)) and r.expires_at is null"""

# A checkpoint stands for commits only if the thread has been in its state.
_LOAD = """
with found as materialized (
    select r.run_id, r.rev, r.commit_id, r.nudges, p.rev as checkpoint_rev,
        coalesce(json_extract(w.value, '$[1]'), p.rev, 0) as after
    from json_each(:wanted) w
    cross join squidie_runs r on r.namespace = :namespace and r.run_id = json_extract(w.value, '$[0]')
        and r.expires_at is null
    left join squidie_checkpoints p on json_extract(w.value, '$[1]') is null
        and p.namespace = :namespace and p.run_id = r.run_id and p.rev <= r.rev
        and (p.rev, p.commit_id) = (
            select c.rev + c.count - 1, c.commit_id from squidie_commits c
            where c.namespace = :namespace and c.run_id = r.run_id and c.rev <= p.rev
            order by c.rev desc
            limit 1)
)
select run_id, 0 as part, rev, commit_id, nudges, null as previous, null as body
from found
union all
select p.run_id, 1, p.rev, p.commit_id, p.fold_version, null, p.body
from found f
cross join squidie_checkpoints p on p.namespace = :namespace and p.run_id = f.run_id and p.rev = f.checkpoint_rev
union all
select c.run_id, 2, c.rev, c.commit_id, c.count, c.previous, c.body
from found f
cross join squidie_commits c on c.namespace = :namespace and c.run_id = f.run_id and c.rev > f.after
order by run_id, part, rev"""

_READ = """
select c.rev, c.count, c.commit_id, c.previous, c.body
from squidie_commits c
where c.namespace = :namespace and c.run_id = :thread_id
    and c.rev >= coalesce((
        select max(b.rev) from squidie_commits b
        where b.namespace = :namespace and b.run_id = :thread_id and b.rev <= :after + 1), 0)
    and c.rev + c.count - 1 > :after
order by c.rev
limit :limit"""

_PUT_CHECKPOINT = """
insert into squidie_checkpoints as p (namespace, run_id, rev, commit_id, fold_version, body)
values (:namespace, :thread_id, :rev, :commit_id, :fold_version, :body)
on conflict (namespace, run_id) do update
set rev = excluded.rev, commit_id = excluded.commit_id, fold_version = excluded.fold_version, body = excluded.body
where excluded.rev >= p.rev"""

_DELETE_CHECKPOINT = """
delete from squidie_checkpoints where namespace = :namespace and run_id = :thread_id"""

# ------------------------------------------------------------------------------------------------ listing

_LISTING = """
select r.run_id, r.rev, r.commit_id, r.updated_at, r.parked_until, r.park_reason, r.quarantine_reason,
    r.workflow, r.queue, r.priority, r.status, r.started_at, r.wake_at, r.needs, r.ended_at, r.version, r.tags,
    r.min_reader, r.start_digest, r.parent
from squidie_runs r
where r.namespace = :namespace and r.expires_at is null{filters}
order by r.started_at desc, r.run_id desc
limit :limit"""

_FILTERS = {
    "workflow": "r.workflow = :workflow",
    "status": "r.status = :status",
    "queue": "r.queue = :queue",
    "tag": "exists (select 1 from json_each(r.tags) where value = :tag)",
    "due_before": "r.wake_at <= :due_before",
    "quarantined": "r.quarantine_reason is not null",
    "unquarantined": "r.quarantine_reason is null",
    "after": "(r.started_at, r.run_id) < (:started_at, :run_id)",
}

# ------------------------------------------------------------------------------------------------ blobs

_PUT_BLOB = """
insert into squidie_blobs (namespace, digest, body) values (:namespace, :digest, :body)
on conflict do nothing"""

_GET_BLOBS = """
select digest, body from squidie_blobs
where namespace = :namespace and digest in (select value from json_each(:digests))"""

# ------------------------------------------------------------------------------------------------ care

_QUARANTINE = """
update squidie_runs
set quarantine_reason = :reason, quarantine_by = :by, quarantine_at = :now, due_at = null
where namespace = :namespace and run_id = :thread_id and expires_at is null"""

_UNQUARANTINE = f"""
update squidie_runs
set quarantine_reason = null, quarantine_by = null, quarantine_at = null,
    due_at = {_due_at_once("wake_at", "nudged_at", "parked_until")}
where namespace = :namespace and run_id = :thread_id and quarantine_reason is not null
returning run_id"""

# No run ends before it starts.
_PURGEABLE = """
select r.started_at, r.run_id
from squidie_runs r
where r.namespace = :namespace and r.status = :status and r.expires_at is null
    and r.started_at < :before and r.ended_at < :before and r.quarantine_reason is null
    and (r.started_at, r.run_id) > (:started_at, :run_id)
    and not exists (
        select 1 from squidie_runs p
        where p.namespace = :namespace and p.run_id = r.parent and p.ended_at is null)
order by r.started_at, r.run_id
limit :limit"""

_FORGET_COMMITS = """
delete from squidie_commits
where namespace = :namespace and run_id in (select value from json_each(:thread_ids))"""

_FORGET_CHECKPOINTS = """
delete from squidie_checkpoints
where namespace = :namespace and run_id in (select value from json_each(:thread_ids))"""

_BURY = """
update squidie_runs
set rev = 0, bytes = 0, version = null, needs = '[]', tags = '[]', wake_at = null, due_at = null,
    reserved_until = null, parked_until = null, park_reason = null, parked = 0, nudges = 0, nudged_at = null,
    parent = null, expires_at = :remember_until, updated_at = :now
where namespace = :namespace and run_id in (select value from json_each(:thread_ids))"""

_EXPIRED = """
select run_id from squidie_runs
where namespace = :namespace and expires_at <= :now
order by expires_at
limit :limit"""

_COLLECT = """
delete from squidie_runs
where namespace = :namespace and run_id in (select value from json_each(:thread_ids))"""

_TOMBSTONES = """
select r.run_id, r.workflow, r.status, r.start_digest, r.ended_at, r.expires_at
from squidie_runs r
where r.namespace = :namespace and r.run_id in (select value from json_each(:thread_ids))
    and r.expires_at is not null"""

_THREAD_IDS = """
with recursive thread (run_id) as (
    select min(c.run_id) from squidie_commits c where c.namespace = :namespace and c.run_id > :after
    union all
    select (select min(c.run_id) from squidie_commits c where c.namespace = :namespace and c.run_id > t.run_id)
    from thread t
    where t.run_id is not null
)
select run_id from thread where run_id is not null limit :limit"""

_REINDEX = f"""
update squidie_runs
set rev = :rev, commit_id = :commit_id, bytes = :bytes, min_reader = :min_reader, workflow = :workflow,
    version = :version, queue = :queue, priority = :priority, status = :status, needs = :needs, tags = :tags,
    wake_at = :wake_at, started_at = :started_at, ended_at = :ended_at, start_digest = :start_digest, parent = :parent,
    due_at = {_due_at(":wake_at", "nudged_at", "parked_until")},
    updated_at = :now
where namespace = :namespace and run_id = :thread_id and rev = :seen_rev and commit_id = :seen_commit_id
returning run_id"""

_RESTORE = f"{_INSERT_HEAD} on conflict do nothing returning run_id"


@record(frozen=True, slots=True, kw_only=True)
class SqliteStatements(Statements):
    """The common statements and those that only this dialect has."""

    update_head: str
    insert_head: str
    insert_commit: str
    pick: str
    pick_oldest: str
    reserve_picked: str
    bodies: str
    next_wake: str
    forget_commits: str
    forget_checkpoints: str
    bury: str
    expired: str
    collect: str


STATEMENTS = SqliteStatements(
    standings=_STANDINGS,
    update_head=_UPDATE_HEAD,
    insert_head=_INSERT_HEAD,
    insert_commit=_INSERT_COMMIT,
    nudge=_NUDGE,
    acknowledge=_ACKNOWLEDGE,
    pick=_PICK,
    pick_oldest=_PICK_OLDEST,
    reserve_picked=_RESERVE_PICKED,
    bodies=_BODIES,
    next_wake=_NEXT_WAKE,
    reserve=_RESERVE,
    heads=_HEADS,
    load=_LOAD,
    read=_READ,
    put_checkpoint=_PUT_CHECKPOINT,
    delete_checkpoint=_DELETE_CHECKPOINT,
    listing=_LISTING,
    filters=_FILTERS,
    put_blob=_PUT_BLOB,
    get_blobs=_GET_BLOBS,
    quarantine=_QUARANTINE,
    unquarantine=_UNQUARANTINE,
    purgeable=_PURGEABLE,
    forget_commits=_FORGET_COMMITS,
    forget_checkpoints=_FORGET_CHECKPOINTS,
    bury=_BURY,
    expired=_EXPIRED,
    collect=_COLLECT,
    tombstones=_TOMBSTONES,
    thread_ids=_THREAD_IDS,
    reindex=_REINDEX,
    restore=_RESTORE,
)
