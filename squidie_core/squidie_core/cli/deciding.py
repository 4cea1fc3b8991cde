"""`squidie approve`, `reject`, `resume`, `cancel`, `replay`: what an operator decides."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from squidie_core.cli.arguments import Commands, add_command, add_store
from squidie_core.cli.inspecting import snapshot_lines
from squidie_core.cli.opening import opened
from squidie_core.cli.output import Output
from squidie_core.errors import OptionError
from squidie_core.inspection import Snapshot
from squidie_core.runtime import Squidie

_DECISIONS: Mapping[str, tuple[str, Callable[[Squidie], Callable[..., Snapshot]]]] = {
    "approve": ("say yes at an approval", lambda squidie: squidie.approve),
    "reject": ("say no at an approval", lambda squidie: squidie.reject),
    "resume": ("let a run that waits at a pause go on", lambda squidie: squidie.resume),
    "cancel": ("end a run that is not over", lambda squidie: squidie.cancel),
    "replay": ("start another run with the trigger, payload and definition of one", lambda squidie: squidie.replay),
}
_OPTIONS: Mapping[str, Sequence[str]] = {
    "cancel": ("compensate", "children"),
    "replay": ("allow_irreversible", "run_id", "queue"),
}
"""What a decision takes beside what all of them take."""


def add(commands: Commands) -> None:
    """The commands and their options."""
    for name, (summary, _) in _DECISIONS.items():
        parser = add_command(commands, name, summary)
        parser.add_argument("id", metavar="RUN", help="the run's id")
        parser.add_argument("--actor", required=True, metavar="NAME", help="who decides; kept in the journal")
        parser.add_argument("--comment", help="why; kept in the journal")
        parser.add_argument("--metadata", metavar="JSON", type=_metadata, help="an object; kept in the journal")
        parser.add_argument("--idempotency-key", metavar="KEY", help="the same decision twice takes effect once")
        if name == "cancel":
            parser.add_argument(
                "--compensate",
                action=argparse.BooleanOptionalAction,
                help="undo first what the run did; with --no-compensate, end a run that is being undone",
            )
            parser.add_argument(
                "--children",
                action="store_true",
                help="and the runs that its steps started, with theirs; may be repeated",
            )
        if name == "replay":
            parser.add_argument(
                "--allow-irreversible",
                action="store_true",
                help="even where steps were completed that are irreversible or cannot be compensated",
            )
            parser.add_argument("--run-id", metavar="ID", help="of the new run, in place of an idempotency key")
            parser.add_argument("--queue", help="of the new run (that of the old one)")
        add_store(parser)
        parser.set_defaults(run=run)


def run(args: argparse.Namespace, out: Output) -> None:
    """Record the decision, and show the run as it is then."""
    _, decision = _DECISIONS[args.command]
    with opened(args) as squidie:
        snapshot = decision(squidie)(
            args.id,
            actor=args.actor,
            comment=args.comment,
            metadata=args.metadata,
            idempotency_key=args.idempotency_key,
            **{name: getattr(args, name) for name in _OPTIONS.get(args.command, ())},
        )
    out.show(snapshot.to_dict(), snapshot_lines(snapshot))


def _metadata(given: str) -> Mapping[str, Any]:
    try:
        value = json.loads(given)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise OptionError(
            "metadata is not a JSON object; write it as in '{\"ticket\": 7}'", details={"option": "metadata"}
        )
    return value  # pyright: ignore[reportUnknownVariableType]  # JSON
