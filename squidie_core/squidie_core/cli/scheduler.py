"""`squidie scheduler`: lend this process to an application's schedules."""

from __future__ import annotations

import argparse
from typing import get_args

from squidie_core.cli.application import ApplicationError, open_application
from squidie_core.cli.arguments import Commands, add_command, add_store, settings_of
from squidie_core.cli.output import Output
from squidie_core.cli.worker import LEVELS, show_logs, show_traceback
from squidie_core.delivery.scheduler import Scheduler
from squidie_core.delivery.timetable import Misfire


def add(commands: Commands) -> None:
    """The command and its options."""
    parser = add_command(commands, "scheduler", "start what cron triggers say until SIGTERM or SIGINT")
    parser.add_argument(
        "app",
        nargs="?",
        metavar="MODULE:OBJECT",
        help="a Squidie or AsyncSquidie, what returns one, or workflows; found from this directory (SQUIDIE_APP)",
    )
    parser.add_argument(
        "--misfire", choices=get_args(Misfire), default="latest", help="which missed windows start (%(default)s)"
    )
    parser.add_argument(
        "--grace", type=float, default=60, metavar="SECONDS", help="a window started later than this was missed (60)"
    )
    parser.add_argument(
        "--catch-up", type=float, default=3600, metavar="SECONDS", help="how far back to look for missed ones (3600)"
    )
    parser.add_argument(
        "--max-catch-up", type=int, default=100, metavar="N", help="how many of each trigger, at most (%(default)s)"
    )
    parser.add_argument("--jitter", type=float, default=0, metavar="SECONDS", help="spread starts over this time (0)")
    parser.add_argument("--log-level", choices=LEVELS, default="info", help="what goes to stderr (%(default)s)")
    add_store(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, out: Output) -> None:
    """Start windows until stopped."""
    try:
        squidie = open_application(settings_of(args))
    except ApplicationError as error:
        show_traceback(args, error)
        raise
    show_logs(args)
    with squidie:
        Scheduler(
            squidie,
            misfire=args.misfire,
            grace=args.grace,
            catch_up=args.catch_up,
            max_catch_up=args.max_catch_up,
            jitter=args.jitter,
        ).run()
    out.show({"stopped": True}, ())
