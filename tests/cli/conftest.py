"""A directory with a store in it, and the command that works there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from squidie_core import Snapshot, Squidie
from squidie_core.cli import main
from squidie_core.cli.demo_workflow import Errand, RingErrand
from tests.cli.command import Command, Ended, Inside


@pytest.fixture
def squidie(tmp_path: Path) -> Command:
    """The command, in the test's own directory."""
    return Command(tmp_path)


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Inside:
    """The command in this process."""

    def call(*arguments: str, **variables: str) -> Ended:
        with monkeypatch.context() as patch:
            patch.chdir(tmp_path)
            for name in [name for name in os.environ if name.startswith("SQUIDIE_")]:
                patch.delenv(name)
            for name, value in variables.items():
                patch.setenv(name, value)
            capsys.readouterr()
            code = main(arguments)
        captured = capsys.readouterr()
        return Ended(code, captured.out, captured.err)

    return call


@pytest.fixture
def url(tmp_path: Path) -> str:
    """The URL of a store in the test's own directory."""
    return f"sqlite:///{tmp_path / 'runs.db'}"


@pytest.fixture
def host(url: str) -> Iterator[Squidie]:
    """The application whose runs these are."""
    with Squidie(url, workflows=[RingErrand]) as opened:
        yield opened


@pytest.fixture
def paused(host: Squidie) -> Snapshot:
    """A run that waits at the pause `hide`."""
    errand = host.start(RingErrand.leave_shire, Errand("one"), tags=("shire",))
    host.drain()
    return host.inspect_run(errand)


@pytest.fixture
def asked(host: Squidie, paused: Snapshot) -> Snapshot:
    """A run that waits at the approval `council`."""
    return host.resume(paused)
