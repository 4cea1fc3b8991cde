"""`squidie doctor`: whether the store and the runs in it are well."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from squidie_core.cli.arguments import Commands, add_command, add_store
from squidie_core.cli.failures import FAILURES_FOUND, WARNINGS_FOUND
from squidie_core.cli.opening import opened
from squidie_core.cli.output import Output
from squidie_core.errors import PluginError, SchemaError, Unavailable
from squidie_core.ports.health import Finding
from squidie_core.runtime.doctor import Diagnosis, unopened

_MARKS = {"ok": "ok  ", "warn": "WARN", "fail": "FAIL"}
_CODES = {"ok": 0, "warn": WARNINGS_FOUND, "fail": FAILURES_FOUND}


def add(commands: Commands) -> None:
    """The command and its options."""
    parser = add_command(commands, "doctor", "check the store and the runs in it; changes nothing")
    parser.add_argument(
        "--stuck-after",
        type=float,
        default=300,
        metavar="SECONDS",
        help="a run is stuck that has been due for so long and that nobody took (%(default)s)",
    )
    parser.add_argument(
        "--sample", type=int, default=100, metavar="RUNS", help="how many journals to read (%(default)s)"
    )
    add_store(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, out: Output) -> int:
    """Examine the store, and give the exit code for the worst that was found."""
    diagnosis = _examined(args)
    out.show(diagnosis.to_dict(), _lines(diagnosis))
    return _CODES[diagnosis.status]


def _examined(args: argparse.Namespace) -> Diagnosis:
    try:
        with opened(args) as squidie:
            return squidie.doctor(stuck_after=args.stuck_after, sample=args.sample)
    except (PluginError, SchemaError, Unavailable) as error:
        return unopened(error)


def _lines(diagnosis: Diagnosis) -> Iterator[str]:
    width = max(len(finding.check) for finding in diagnosis.findings)
    for finding in diagnosis.findings:
        yield from _finding_lines(finding, width)
    yield ""
    counts = {status: sum(f.status == status for f in diagnosis.findings) for status in _MARKS}
    yield f"{counts['ok']} ok, {counts['warn']} warnings, {counts['fail']} failures"


def _finding_lines(finding: Finding, width: int) -> Iterator[str]:
    yield f"{_MARKS[finding.status]}  {finding.check:{width}}  {finding.message}"
    if finding.hint:
        yield f"{'':{width + 8}}hint: {finding.hint}"
