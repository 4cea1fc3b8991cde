"""A directory with a store in it, and the command that works there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from squidie_core import Snapshot, Squidie
from squidie_core.cli.demo_workflow import Errand, RingErrand
from tests.cli.command import Command


@pytest.fixture
def squidie(tmp_path: Path) -> Command:
    """The command, in the test's own directory."""
    return Command(tmp_path)


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
