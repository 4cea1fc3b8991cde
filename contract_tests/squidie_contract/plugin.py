"""The pytest plugin. It is loaded wherever the suite is installed, so it imports neither the core nor hypothesis."""

from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from squidie_contract import hookspecs
from squidie_contract.clauses import CLAUSES
from squidie_contract.profiles import PROFILES
from squidie_contract.report import KEY, Report, clause_of, harness_of, noted, rendered

if TYPE_CHECKING:
    from _pytest._code.code import TerminalRepr

    from squidie_contract.harness import Harness

pytest.register_assert_rewrite("squidie_contract.checks")


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Let packages register their harnesses."""
    pluginmanager.add_hookspecs(hookspecs)


def pytest_addoption(parser: pytest.Parser) -> None:
    """The suite's options."""
    group = parser.getgroup("squidie contract")
    group.addoption("--contract-report", type=Path, metavar="PATH", help="write each adapter's results as JSON")
    group.addoption("--contract-profile", choices=list(PROFILES), default="quick", help="how much is tried")


def pytest_configure(config: pytest.Config) -> None:
    """Make room for the results."""
    config.addinivalue_line(
        "markers", "contract(id): a clause of the adapters' contract, as in -m 'contract(id=\"J3\")'"
    )
    config.addinivalue_line("markers", "contract_once: the same whatever is beside a harness, so one class will do")
    config.stash[KEY] = report = Report(profile=str(config.getoption("--contract-profile")))
    config.pluginmanager.register(_Results(report), "squidie contract results")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test of the suite with its clause; leave out what the harness does not declare."""
    once = set[tuple[str, str]]()
    items[:] = [item for item in items if not _has_no_harness(item) and not _was_there(item, once)]
    names: dict[str, type[Harness]] = {}
    for item in items:
        clause, harness = clause_of(item), harness_of(item)
        if clause is None or harness is None:
            continue
        _check(harness, names)
        item.add_marker(pytest.mark.contract(id=clause.id))
        if clause.need & ~harness.supports:
            item.add_marker(pytest.mark.skip(reason=f"{clause.id}: {clause.need.name} is not declared"))
        elif clause.id in harness.gaps:
            item.add_marker(pytest.mark.xfail(reason=f"{clause.id}: {harness.gaps[clause.id]}", strict=False))


def _has_no_harness(item: pytest.Item) -> bool:
    """Whether it is a test of the suite for a port that no registered harness has clients for."""
    asked = isinstance(item, pytest.Function) and hasattr(item, "callspec") and "harness_class" in item.callspec.params
    return asked and harness_of(item) is None


def _was_there(item: pytest.Item, seen: set[tuple[str, str]]) -> bool:
    """Whether it is a test that each harness needs once, and this harness has it already."""
    harness = harness_of(item)
    if harness is None or item.get_closest_marker("contract_once") is None:
        return False
    before = len(seen)
    seen.add((harness.__name__, item.name))
    return len(seen) == before


def _check(harness: type[Harness], names: dict[str, type[Harness]]) -> None:
    """Raise UsageError for what would make a report wrong."""
    if names.setdefault(harness.__name__, harness) is not harness:
        raise pytest.UsageError(f"two harnesses are called {harness.__name__}; the report names adapters by them")
    if unknown := set(harness.gaps) - set(CLAUSES):
        raise pytest.UsageError(f"{harness.__name__}.gaps names {', '.join(sorted(unknown))}, which are no clauses")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Say what it is of, and head a failure with the clause that it breaks and the story that led there."""
    report = yield
    clause, harness = clause_of(item), harness_of(item)
    if clause is None or harness is None:
        return report
    noted(item, report, clause, harness)
    if report.failed and hasattr(report.longrepr, "addsection"):
        longrepr: TerminalRepr = report.longrepr  # type: ignore[assignment]  # told by the line above
        worlds = item.funcargs.get("worlds") if isinstance(item, pytest.Function) else None
        story = str(getattr(worlds, "trail", "")) or "(nothing was asked)"
        longrepr.addsection(f"{harness.__name__} breaks {clause.id}", clause.promise)  # type: ignore[attr-defined]  # pytest's own has it
        longrepr.addsection("the history that broke it", story)  # type: ignore[attr-defined]  # the same
    return report


class _Results:
    """Takes in what was reported, here or by the processes that pytest-xdist lets test."""

    def __init__(self, report: Report) -> None:
        self._report = report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note the result of a phase."""
        self._report.note(report)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The table of clauses and adapters."""
    report = config.stash[KEY]
    if report.adapters:
        terminalreporter.section("squidie contract")
        for line in rendered(report):
            terminalreporter.write_line(line)
        for name, clause in report.closed_gaps():
            words = f"ERROR: {name}.gaps names {clause}, and every test of it that ran has passed: strike it from there"
            terminalreporter.write_line(words, red=True)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Write the report; a gap that is none any more fails the session."""
    if hasattr(session.config, "workerinput"):
        return  # one of several processes: who started them knows of all
    report = session.config.stash[KEY]
    path: Path | None = session.config.getoption("--contract-report")
    if path is not None:
        path.write_text(json.dumps(report.plain(), indent=2) + "\n", encoding="utf-8")
    if exitstatus == pytest.ExitCode.OK and report.closed_gaps():
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
