"""`squidie inspect`: where a run is and why."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from squidie_core.cli.arguments import Commands, add_command, add_store
from squidie_core.cli.opening import opened
from squidie_core.cli.output import Output
from squidie_core.cli.rendering import cell, record, table
from squidie_core.cli.words import attempt_name, error_words, history_lines
from squidie_core.inspection import AttemptView, ChildView, DeadlineView, Snapshot, Waiting


def add(commands: Commands) -> None:
    """The command and its options."""
    parser = add_command(commands, "inspect", "show where a run is and why")
    parser.add_argument("id", metavar="RUN", help="the run's id")
    parser.add_argument("--history", action="store_true", help="every entry of the journal too")
    add_store(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, out: Output) -> None:
    """Show one run."""
    with opened(args) as squidie:
        snapshot = squidie.inspect_run(args.id, include_history=args.history)
    out.show(snapshot.to_dict(), snapshot_lines(snapshot))


def snapshot_lines(run: Snapshot) -> Iterator[str]:
    """The run for people: facts, attempts, the error, anomalies, and the journal where the snapshot has it."""
    yield from record(
        [
            ("run", run.id),
            ("workflow", run.workflow if run.version is None else f"{run.workflow} {run.version}"),
            ("trigger", run.trigger),
            ("replay of", run.replayed_from),
            ("parent", None if run.parent is None else f"{run.parent.id}, step {run.parent.step}"),
            ("status", run.status),
            ("reason", run.reason),
            ("waiting for", None if run.waiting_for is None else _waiting(run.waiting_for)),
            ("deadline", None if run.deadline is None else _deadline(run.deadline)),
            ("queue", f"{run.queue}, priority {run.priority}"),
            ("tags", run.tags),
            ("started", run.started_at),
            ("ended", run.ended_at),
            ("revision", run.rev),
            ("error", None if run.error is None else error_words(run.error)),
        ]
    )
    yield ""
    yield from table(("step", "status", "deliveries", "owner", "claimed", "ended", "error"), map(_row, run.attempts))
    if run.children:
        yield ""
        yield from table(("child", "workflow", "step", "key", "status"), map(_child_row, run.children))
    if run.compensation_errors:
        yield ""
        yield from table(("not undone", "error"), [(e["step"], error_words(e)) for e in run.compensation_errors])
    if run.anomalies:
        yield ""
        yield from table(("anomaly", "entry", "rev"), [(a.reason, a.entry_type, a.rev) for a in run.anomalies])
    if run.history is not None:
        yield ""
        yield from history_lines(run.history)


def _waiting(waiting: Waiting) -> str:
    until = "" if waiting.until is None else f" until {cell(waiting.until)}"
    return f"{waiting.kind}, step {waiting.step}, since {cell(waiting.since)}{until}"


def _deadline(deadline: DeadlineView) -> str:
    return f"{deadline.status}, step {deadline.step}, due {cell(deadline.due_at)}, then {deadline.escalation}"


def _child_row(view: ChildView) -> tuple[object, ...]:
    return (view.id, view.workflow, view.step, view.child_key, view.status)


def _row(view: AttemptView) -> tuple[object, ...]:
    return (
        attempt_name(view),
        view.status,
        view.deliveries,
        view.owner_id,
        view.claimed_at,
        view.ended_at,
        None if view.error is None else error_words(view.error),
    )
