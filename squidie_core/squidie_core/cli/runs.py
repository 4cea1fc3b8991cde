"""`squidie runs`: what there is."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from squidie_core.cli.arguments import Commands, add_command, add_store
from squidie_core.cli.opening import opened
from squidie_core.cli.output import Output
from squidie_core.cli.rendering import table
from squidie_core.inspection import RunList, RunSummary


def add(commands: Commands) -> None:
    """The command and its options."""
    parser = add_command(commands, "runs", "list runs, newest first")
    parser.add_argument("--workflow", metavar="NAME")
    parser.add_argument("--status", help="running, paused, completed, failed or cancelled")
    parser.add_argument("--queue")
    parser.add_argument("--tag")
    parser.add_argument("--quarantined", action=argparse.BooleanOptionalAction, help="only those that are, or are not")
    parser.add_argument("--limit", type=int, default=100, help="how many (%(default)s)")
    parser.add_argument("--cursor", help="go on where a page ended")
    add_store(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, out: Output) -> None:
    """List one page."""
    with opened(args) as squidie:
        page = squidie.list_runs(
            workflow=args.workflow,
            status=args.status,
            queue=args.queue,
            tag=args.tag,
            quarantined=args.quarantined,
            limit=args.limit,
            cursor=args.cursor,
        )
    out.show({"runs": [run.to_dict() for run in page.runs], "next_cursor": page.next_cursor}, _lines(page))


def _lines(page: RunList) -> Iterator[str]:
    if not page.runs:
        yield "no runs"
        return
    heads = ("run", "workflow", "status", "queue", "started", "updated", "next look", "notes")
    yield from table(heads, (_row(run) for run in page.runs))
    if page.next_cursor is not None:
        yield f"more: --cursor {page.next_cursor}"


def _row(run: RunSummary) -> tuple[object, ...]:
    notes = [f"quarantined: {run.quarantined}"] if run.quarantined else [run.parked] if run.parked else []
    return (
        run.id,
        run.workflow,
        run.status,
        run.queue,
        run.started_at,
        run.updated_at,
        run.next_at,
        [*notes, *run.tags],
    )
