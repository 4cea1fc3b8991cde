"""`squidie purge`: forget runs that ended long ago."""

from __future__ import annotations

import argparse
import re
from datetime import datetime, timedelta

from squidie_core.cli.arguments import Commands, add_command, add_store
from squidie_core.cli.opening import opened
from squidie_core.cli.output import Output
from squidie_core.errors import OptionError
from squidie_core.inspection.times import text
from squidie_core.runtime.options import ENDED

_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}


def add(commands: Commands) -> None:
    """The command and its options."""
    parser = add_command(commands, "purge", "forget runs that have ended: journals, checkpoints, listing")
    parser.add_argument(
        "--before",
        required=True,
        type=_moment,
        metavar="WHEN",
        help="runs that ended before then: 2026-01-31T00:00:00Z, or how long ago: 30d, 12h, 90m",
    )
    parser.add_argument(
        "--status",
        action="append",
        choices=ENDED,
        help="runs that ended so; may be given several times (all of them)",
    )
    parser.add_argument(
        "--remember-for",
        type=_duration,
        default=timedelta(days=90),
        metavar="HOW LONG",
        help="how long a start with the same key is told how the run ended, instead of running it again (90d)",
    )
    parser.add_argument("--limit", type=int, metavar="RUNS", help="at most so many (all)")
    parser.add_argument("--dry-run", action="store_true", help="only count them")
    add_store(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, out: Output) -> None:
    """Purge, or count what a purge would take."""
    with opened(args) as squidie:
        done = squidie.purge(
            before=args.before,
            statuses=args.status or ENDED,
            remember_for=args.remember_for,
            limit=args.limit,
            dry_run=args.dry_run,
        )
    before = text(done.before)
    verb = "would purge" if args.dry_run else "purged"
    lines = [f"{verb} {done.runs} runs that ended before {before}"]
    if done.tombstones:
        lines.append(f"and forgot {done.tombstones} that were purged long ago")
    document = {"dry_run": args.dry_run, "runs": done.runs, "tombstones": done.tombstones, "before": before}
    out.show(document, lines)


def _moment(given: str) -> datetime | timedelta:
    if _DURATION.fullmatch(given):
        return _duration(given)
    try:
        return datetime.fromisoformat(given)
    except ValueError:
        raise OptionError(
            "before is no moment; write it as 2026-01-31T00:00:00Z, or how long ago, as 30d",
            details={"option": "before"},
        ) from None


_DURATION = re.compile(r"([0-9]{1,9})([dhms])")


def _duration(given: str) -> timedelta:
    found = _DURATION.fullmatch(given)
    if found is None:
        raise OptionError("a duration is written as 30d, 12h, 90m or 45s", details={"option": "remember_for"})
    return timedelta(**{_UNITS[found[2]]: int(found[1])})
