"""How a command fails: what it prints, and the exit codes."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from squidie_core.cli.output import printable
from squidie_core.errors import (
    ConflictError,
    InvalidTransitionError,
    NotFoundError,
    OptionError,
    PluginError,
    SchemaError,
    SquidieError,
    Unavailable,
    UnsafeReplayError,
)
from squidie_core.runtime.config import masked, masked_text

EXIT_CODES: Sequence[tuple[int, str, tuple[type[SquidieError], ...]]] = (
    (2, "usage: an option, a setting or a plugin has to be mended", (OptionError, PluginError)),
    (3, "not found", (NotFoundError,)),
    (
        4,
        "conflict: the run is not in a state that allows this",
        (ConflictError, InvalidTransitionError, UnsafeReplayError),
    ),
    (5, "the store cannot be reached, or its schema has to be migrated", (Unavailable, SchemaError)),
)
OTHER_FAILURE = 1
WARNINGS_FOUND = 6
"""`squidie doctor` found something to look at, and nothing that is wrong."""
FAILURES_FOUND = 7
"""`squidie doctor` found something wrong."""
INTERRUPTED = 130


def exit_code(error: SquidieError) -> int:
    """The exit code for the error; 1 where no other is said."""
    return next((code for code, _, kinds in EXIT_CODES if isinstance(error, kinds)), OTHER_FAILURE)


def exit_codes_text() -> str:
    """The exit codes, for the help."""
    lines = [f"  {code}  {meaning}" for code, meaning, _ in EXIT_CODES]
    found = ["  6  doctor: warnings and no failures", "  7  doctor: failures"]
    return "\n".join(["exit codes:", "  0  done", "  1  any other failure", *lines, *found])


def report(error: SquidieError, arguments: Sequence[str], *, as_json: bool) -> int:
    """Print the error, without the passwords of URLs, and give its exit code.

    For people it goes to stderr, for programs it is the one document on stdout. Where nobody can read it, because the
    reader is gone or the disk is full, the exit code still says what the error was.
    """
    stream = sys.stdout if as_json else sys.stderr
    try:
        _print(error, arguments, stream, as_json=as_json)
    except OSError:
        silence(stream)
    return exit_code(error)


def silence(stream: TextIO) -> None:
    """Nothing more can be said there, not even by the interpreter when it ends."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)


def _print(error: SquidieError, arguments: Sequence[str], stream: TextIO, *, as_json: bool) -> None:
    message = _hidden(error.message, arguments)
    if as_json:
        details: Mapping[str, Any] = json.loads(_hidden(json.dumps(dict(error.details), default=str), arguments))
        text = json.dumps({"error": {"code": error.code, "message": message, "details": details}}, indent=2)
    else:
        text = "\n".join(printable(line) for line in f"error [{error.code}]: {message}".splitlines())
    print(text, file=stream, flush=True)


def _hidden(text: str, arguments: Sequence[str]) -> str:
    """The text without passwords, those first that stand in an argument as it was given, blanks and all."""
    for argument in arguments:
        if "://" in argument:
            for given in (argument, json.dumps(argument)[1:-1]):
                text = text.replace(given, masked(given))
    return masked_text(text)
