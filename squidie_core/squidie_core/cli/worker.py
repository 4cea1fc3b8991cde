"""`squidie worker`: lend this process to an application's runs."""

from __future__ import annotations

import argparse
import logging
import sys
import traceback

from squidie_core.cli.application import ApplicationError, open_application
from squidie_core.cli.arguments import Commands, add_command, add_store, settings_of
from squidie_core.cli.output import Output
from squidie_core.runtime import Worker

LEVELS = ("debug", "info", "warning", "error")


def add(commands: Commands) -> None:
    """The command and its options."""
    parser = add_command(commands, "worker", "execute what is due until SIGTERM or SIGINT")
    parser.add_argument(
        "app",
        nargs="?",
        metavar="MODULE:OBJECT",
        help="a Squidie or AsyncSquidie, what returns one, or workflows; found from this directory (SQUIDIE_APP)",
    )
    parser.add_argument("--queue", help="the queue to take work from; by default the application's")
    parser.add_argument("--concurrency", type=int, default=32, help="plain bodies at a time (%(default)s)")
    parser.add_argument("--async-concurrency", type=int, default=256, help="coroutines at a time (%(default)s)")
    parser.add_argument("--lease-for", type=float, default=30, metavar="SECONDS", help="how long a claim lasts (30)")
    parser.add_argument("--grace", type=float, default=20, metavar="SECONDS", help="time for bodies at the end (20)")
    parser.add_argument("--owner", help="the worker's name in journals; by default host, process and a random part")
    parser.add_argument("--log-level", choices=LEVELS, default="info", help="what goes to stderr (%(default)s)")
    add_store(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, out: Output) -> None:
    """Work until stopped."""
    try:
        squidie = open_application(settings_of(args))
    except ApplicationError as error:
        show_traceback(args, error)
        raise
    show_logs(args)
    with squidie:
        worker = Worker(
            squidie,
            concurrency=args.concurrency,
            async_concurrency=args.async_concurrency,
            queue=args.queue,
            owner_id=args.owner,
            lease_for=args.lease_for,
            grace=args.grace,
        )
        worker.run()
    out.show({"owner_id": worker.owner_id, "queue": worker.queue, "stopped": True}, ())


def show_traceback(args: argparse.Namespace, error: ApplicationError) -> None:
    """Where the application's code raised, for those who want to know."""
    if args.log_level == "debug":
        traceback.print_exception(error.__cause__)


def show_logs(args: argparse.Namespace) -> None:
    """Let what is logged go to stderr: once the application is loaded, and only where it has not seen to that."""
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(levelname)-7s %(name)s  %(message)s")
    logging.getLogger("squidie").setLevel(args.log_level.upper())
