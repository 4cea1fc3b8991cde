"""The program: its commands, and the one place where they fail."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from squidie_core.cli import (
    deciding,
    demo,
    doctor,
    inspecting,
    migrating,
    plugins,
    purging,
    runs,
    scheduler,
    settings,
    worker,
)
from squidie_core.cli.arguments import Parser
from squidie_core.cli.failures import INTERRUPTED, OTHER_FAILURE, exit_codes_text, report, silence
from squidie_core.cli.output import Output
from squidie_core.errors import OptionError, SquidieError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code; `squidie --help` lists both."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        return _run(given)
    except SquidieError as error:
        return report(error, given, as_json="--json" in given)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        silence(sys.stdout)  # who reads has had enough
        return OTHER_FAILURE


def _run(given: Sequence[str]) -> int:
    args = _parser().parse_args(given)
    out = Output(as_json=args.json)
    if args.version:
        number = _version()
        out.show({"version": number}, [f"squidie {number}"])
        return 0
    if args.command is None:
        raise OptionError("there is no command; see squidie --help", code="usage")
    code: int | None = args.run(args, out)
    return code or 0


def _parser() -> Parser:
    parser = Parser(
        prog="squidie",
        description="Workers and operators of durable workflow runs.",
        epilog=exit_codes_text(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="store_true", help="print the version")
    parser.add_argument("--json", action="store_true", help=argparse.SUPPRESS)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser).add_parser
    for module in (worker, scheduler, runs, inspecting, deciding, purging, doctor, migrating, plugins, settings, demo):
        module.add(commands)
    return parser


def _version() -> str:
    try:
        return version("squidie-core")
    except PackageNotFoundError:
        return "unknown"
