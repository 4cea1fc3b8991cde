"""docs/contract.md tells what the session saw: what no test can ask, since the tests may run in several processes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from squidie_contract.page import results_of
from squidie_contract.report import KEY

PAGE = Path(__file__).parent.parent / "docs" / "contract.json"
_WRONG = pytest.StashKey[list[str]]()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail where the page says otherwise, unless the results are being written for a new one."""
    config = session.config
    if hasattr(config, "workerinput") or config.getoption("--contract-report") is not None:
        return
    told = results_of(json.loads(PAGE.read_text("utf-8")))
    saw = results_of(config.stash[KEY].plain())
    config.stash[_WRONG] = wrong = [
        f"{name} {clause}: {result} here, {told.get(name, {}).get(clause, 'nothing')} in docs/contract.md"
        for name, results in saw.items()
        for clause, result in results.items()
        if result not in ("not run", told.get(name, {}).get(clause))
    ]
    if wrong and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say where."""
    for line in config.stash.get(_WRONG, ()):
        terminalreporter.write_line(f"{line}: run `make contract-page`", red=True)
