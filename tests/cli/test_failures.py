from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from squidie_core import (
    ConflictError,
    Corrupt,
    InvalidTransitionError,
    NotFoundError,
    OptionError,
    PluginError,
    SchemaError,
    SquidieError,
    Unavailable,
)
from squidie_core.cli.failures import exit_code, report
from tests.cli.command import SQUIDIE, Command, Inside, environment

UNREACHABLE = "postgresql://app:hunter2@127.0.0.1:1/runs?connect_timeout=2"
NOBODY = "01a1fd00-0000-7000-8000-000000000000"


@contextmanager
def broken_pipe() -> Generator[int]:
    """Where to write to so that nobody reads it."""
    read, write = os.pipe()
    os.close(read)
    yield write
    os.close(write)


@contextmanager
def full_disk() -> Generator[int]:
    """Where there is no room to write."""
    full = os.open("/dev/full", os.O_WRONLY)
    yield full
    os.close(full)


class TestExitCodes:
    @pytest.mark.parametrize(
        ("error", "code"),
        [
            (OptionError, 2),
            (PluginError, 2),
            (NotFoundError, 3),
            (ConflictError, 4),
            (InvalidTransitionError, 4),
            (Unavailable, 5),
            (SchemaError, 5),
            (Corrupt, 1),
            (SquidieError, 1),
        ],
    )
    def test_follow_from_the_error(self, error: type[SquidieError], code: int) -> None:
        assert exit_code(error()) == code

    def test_are_documented_in_the_help(self, squidie: Command) -> None:
        done = squidie("--help")
        assert done.code == 0
        assert "exit codes:" in done.out


class TestReport:
    def test_hides_an_argument_that_is_a_url_wholly(self, capsys: pytest.CaptureFixture[str]) -> None:
        """A password with a blank in it, which no pattern finds within a text."""
        given = 'postgresql://app:hun"ter 2@db/runs'
        error = OptionError(f"unrecognized: {given}", details={"given": [given]})
        for as_json in (False, True):
            report(error, [given], as_json=as_json)
            printed = capsys.readouterr()
            assert "ter 2" not in printed.out + printed.err
            assert "app:***@db/runs" in printed.out + printed.err


class TestFailing:
    @pytest.mark.parametrize(
        ("arguments", "code", "word"),
        [
            ((), 2, "usage"),
            (("nosuch",), 2, "usage"),
            (("runs", "--nosuch"), 2, "usage"),
            (("runs", "--lim", "3"), 2, "usage"),
            (("runs",), 2, "missing_setting"),
            (("runs", "--url", "nosuch://x"), 2, "unknown_plugin"),
            (("runs", "--url", "memory://", "--limit", "0"), 2, "invalid_option"),
            (("inspect", NOBODY, "--url", "memory://"), 3, "not_found"),
            (("inspect", "one", "--url", "memory://"), 2, "invalid_run_id"),
            (("runs", "--url", "sqlite:///typo.db"), 5, "schema"),
            (("runs", "--url", UNREACHABLE), 5, "unavailable"),
        ],
    )
    def test_says_why_in_a_line_and_in_a_document(
        self, squidie: Command, inside: Inside, arguments: tuple[str, ...], code: int, word: str
    ) -> None:
        people = squidie(*arguments)
        assert (people.code, people.out) == (code, ""), people.err
        assert people.err.startswith(f"error [{word}]: ")
        programs = inside(*arguments, "--json")
        assert (programs.code, programs.err) == (code, "")
        assert set(programs.document) == {"error"}
        assert set(programs.document["error"]) == {"code", "message", "details"}
        assert programs.document["error"]["code"] == word
        for text in (people.err, programs.out):
            assert "Traceback" not in text
            assert "hunter2" not in text

    def test_makes_no_store_where_there_is_none(self, inside: Inside, tmp_path: Path) -> None:
        inside("runs", "--url", "sqlite:///typo.db")
        assert not (tmp_path / "typo.db").exists()

    @pytest.mark.parametrize(
        "command", [("worker", "squidie_core.cli.demo_workflow:RingErrand"), ("migrate",), ("demo",)]
    )
    def test_shows_no_password_of_a_store_that_cannot_be_reached(
        self, squidie: Command, inside: Inside, command: tuple[str, ...]
    ) -> None:
        """Neither on the command line nor in a variable."""
        done = [squidie(*command, "--url", UNREACHABLE)]
        if command != ("demo",):  # which takes no store that just happens to be set
            done.append(inside(*command, SQUIDIE_URL=UNREACHABLE))
        for ended in done:
            assert ended.code == 5
            assert ended.err.startswith("error [unavailable]: ")
            assert "hunter2" not in ended.out + ended.err

    def test_shows_no_password_of_a_url_that_is_misplaced(self, inside: Inside) -> None:
        for arguments in (("runs", "--ulr", UNREACHABLE), (UNREACHABLE,), ("runs", UNREACHABLE, "--json")):
            done = inside(*arguments)
            assert done.code == 2
            assert "hunter2" not in done.out + done.err

    def test_says_where_a_bad_setting_comes_from(self, inside: Inside) -> None:
        done = inside("runs", SQUIDIE_URL="hunter2")
        assert (done.code, done.out) == (2, "")
        assert "SQUIDIE_URL in the environment" in done.err
        assert "hunter2" not in done.err

    @pytest.mark.parametrize("arguments", [(), ("--json",)], ids=["people", "programs"])
    def test_keeps_its_exit_code_where_nobody_reads_why(self, tmp_path: Path, arguments: tuple[str, ...]) -> None:
        for nowhere in (broken_pipe, full_disk) if Path("/dev/full").exists() else (broken_pipe,):
            with nowhere() as out:
                done = subprocess.run(
                    [SQUIDIE, "runs", "--lim", "3", *arguments],
                    cwd=tmp_path,
                    env=environment({}),
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=out,
                    check=False,
                )
            assert done.returncode == 2

    def test_metadata_must_be_an_object(self, inside: Inside) -> None:
        for given in ("[1]", "{hunter2"):
            done = inside("cancel", NOBODY, "--actor", "a", "--metadata", given, "--url", "memory://")
            assert done.code == 2
            assert "hunter2" not in done.err

    def test_a_document_of_an_error_is_all_there_is(self, squidie: Command) -> None:
        done = squidie("--json", "inspect", NOBODY, "--url", "memory://")
        assert json.loads(done.out)["error"]["details"] == {"run_id": NOBODY}
