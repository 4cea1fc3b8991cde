"""How PostgreSQL's tables do: dead rows, autovacuum, and snapshots that keep dead rows from being removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from squidie_core.ports import Finding
from squidie_storage_sql.tables import in_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from squidie_storage_sql.database import Row

_TABLES = """
select c.relname::text, s.n_live_tup, s.n_dead_tup,
    (extract(epoch from clock_timestamp() - greatest(s.last_autovacuum, s.last_vacuum)))::float8,
    not coalesce(c.reloptions && array['autovacuum_enabled=off', 'autovacuum_enabled=false'], false)
from pg_class c join pg_stat_all_tables s on s.relid = c.oid
where c.oid in ('squidie_runs'::regclass, 'squidie_commits'::regclass, 'squidie_checkpoints'::regclass)
order by c.relname"""

_AUTOVACUUM = "select current_setting('autovacuum')::bool and current_setting('track_counts')::bool"

# A session of another role shows its xmin, and its times only to members of pg_read_all_stats.
SNAPSHOTS = """
select 'session ' || pid::text, (extract(epoch from clock_timestamp() - xact_start))::float8
from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid() and backend_xmin is not null
union all
select 'prepared transaction ' || gid, (extract(epoch from clock_timestamp() - prepared))::float8
from pg_prepared_xacts
where database = current_database()"""


@attrs.frozen(kw_only=True)
class Limits:
    """Beyond these it is a warning."""

    dead_rows: int = 10_000
    """Fewer dead rows in a table are never worth a word."""
    dead_share: float = 0.3
    """Dead rows as a part of the living ones."""
    snapshot_age: float = 300
    """Seconds."""


def examine(read: Callable[[str], Sequence[Row]], schema: str | None, limits: Limits | None = None) -> list[Finding]:
    """Three findings. `read` runs a statement that changes nothing."""
    limits = limits or Limits()
    tables = read(in_schema(_TABLES, schema))
    ((is_on,),) = read(_AUTOVACUUM)
    return [
        _bloat(tables, limits),
        _autovacuum([] if is_on else ["the server"], [name for name, *_, enabled in tables if not enabled]),
        snapshots(read(SNAPSHOTS), limits),
    ]


def _bloat(tables: Sequence[Row], limits: Limits) -> Finding:
    told = [f"{name} {dead} dead of {live + dead}{_vacuumed(ago)}" for name, live, dead, ago, _ in tables]
    bloated = [name for name, live, dead, *_ in tables if dead > limits.dead_rows and dead > live * limits.dead_share]
    return Finding(
        check="bloat",
        status="warn" if bloated else "ok",
        message="rows: " + "; ".join(told),
        hint=f"vacuum {', '.join(bloated)}, and see that autovacuum keeps up" if bloated else "",
        details={"tables": [{"name": name, "live": live, "dead": dead} for name, live, dead, *_ in tables]},
    )


def _vacuumed(seconds: float | None) -> str:
    return ", never vacuumed" if seconds is None else f", vacuumed {seconds / 60:.0f} minutes ago"


def _autovacuum(servers: Sequence[str], tables: Sequence[str]) -> Finding:
    off = [*servers, *tables]
    return Finding(
        check="autovacuum",
        status="warn" if off else "ok",
        message=f"autovacuum is off for {', '.join(off)}" if off else "autovacuum is on",
        hint="turn it on (autovacuum and track_counts of the server, autovacuum_enabled of a table)" if off else "",
    )


def snapshots(held: Sequence[Row], limits: Limits) -> Finding:
    """The finding about the rows of `SNAPSHOTS`."""
    old = {who: age for who, age in held if age is not None and age > limits.snapshot_age}
    hidden = sum(age is None for _, age in held)
    unseen = f"; {hidden} of other roles cannot be seen, grant pg_read_all_stats" if hidden else ""
    if not old:
        message = f"no transaction has held a snapshot for more than {limits.snapshot_age / 60:g} minutes{unseen}"
        return Finding(check="snapshots", status="ok", message=message)
    told = ", ".join(f"{who} for {age / 60:.0f} minutes" for who, age in old.items())
    return Finding(
        check="snapshots",
        status="warn",
        message=f"snapshots are held that keep dead rows: {told}{unseen}",
        hint="end these transactions; polls get slower while they last",
        details={"held": {who: round(age, 1) for who, age in old.items()}},
    )
