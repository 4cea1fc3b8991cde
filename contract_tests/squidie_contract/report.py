"""What became of each clause, for each adapter."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from squidie_contract.clauses import CLAUSES, CONTRACT, Clause
from squidie_contract.harness import Harness

Result = Literal["kept", "BROKEN", "gap", "closed gap", "not offered", "not run"]

PORTS = {clause.id: chapter.port for chapter in CONTRACT for clause in chapter.clauses}

_NOTE = "squidie contract"
_NAME = re.compile(r"test_([a-z])(\d+)_")


@dataclass(slots=True)
class Kept:
    """The tests of one clause on one adapter, by how they ended."""

    passed: int = 0
    failed: int = 0
    expected: int = 0
    """Failed as a gap that is declared."""
    skipped: int = 0
    declined: bool = False
    declared_gap: bool = False
    seconds: float = 0.0
    tried: dict[str, int] = field(default_factory=dict[str, int])

    @property
    def result(self) -> Result:
        """In a word or two."""
        if self.failed:
            return "BROKEN"
        if self.expected:
            return "gap"
        if self.declined:
            return "not offered"
        if not self.passed or self.skipped:
            return "not run"
        return "closed gap" if self.declared_gap else "kept"


@dataclass(slots=True)
class Adapter:
    """The clauses of one harness."""

    ports: set[str] = field(default_factory=set[str])
    """The contracts that this session has tests of."""
    clauses: dict[str, Kept] = field(default_factory=dict[str, Kept])

    def results(self) -> dict[str, Result]:
        """All clauses of the contracts that were tested; one of which nothing ran is not kept."""
        return {
            clause.id: self.clauses.get(clause.id, Kept()).result
            for chapter in CONTRACT
            if chapter.port in self.ports
            for clause in chapter.clauses
        }

    @property
    def passed(self) -> bool:
        """Whether every promise is kept, or declined where that is allowed."""
        return all(result in {"kept", "not offered"} for result in self.results().values())


@dataclass(slots=True)
class Report:
    """The results of one session."""

    profile: str
    adapters: dict[str, Adapter] = field(default_factory=dict[str, Adapter])

    def note(self, report: pytest.TestReport) -> None:
        """Take in one phase of one test, if it is one of the suite's."""
        told: dict[str, Any] | None = dict(report.user_properties).get(_NOTE)  # type: ignore[assignment]  # `noted` did
        if told is None:
            return
        adapter = self.adapters.setdefault(told["adapter"], Adapter())
        adapter.ports.add(PORTS[told["clause"]])
        kept = adapter.clauses.setdefault(told["clause"], Kept())
        kept.declared_gap = told["declared_gap"]
        kept.seconds += report.duration
        if report.failed:
            kept.failed += 1
        elif hasattr(report, "wasxfail"):
            kept.expected += report.skipped
            kept.passed += report.passed and report.when == "call"
        elif report.skipped:
            kept.declined |= told["declined"]
            kept.skipped += not told["declined"]
        elif report.when == "call":
            kept.passed += 1
        if report.when == "teardown":
            tried: dict[str, int] = dict(report.user_properties).get("tried", {})  # type: ignore[assignment]  # the plugin put it there
            for what, count in tried.items():
                kept.tried[what] = kept.tried.get(what, 0) + count

    def closed_gaps(self) -> list[tuple[str, str]]:
        """Gaps that are declared, and are none."""
        return [
            (name, clause_id)
            for name, adapter in self.adapters.items()
            for clause_id, result in adapter.results().items()
            if result == "closed gap"
        ]

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "profile": self.profile,
            "adapters": {
                name: {
                    "passed": adapter.passed,
                    "tried": _sum(adapter),
                    "clauses": {
                        clause_id: {
                            "promise": CLAUSES[clause_id].promise,
                            "result": result,
                            "tests": _tests(adapter.clauses.get(clause_id)),
                            "seconds": round(adapter.clauses.get(clause_id, Kept()).seconds, 3),
                        }
                        for clause_id, result in adapter.results().items()
                    },
                }
                for name, adapter in sorted(self.adapters.items())
            },
        }


def rendered(report: Report) -> Iterator[str]:
    """The table for a terminal: a line for each clause, a column for each adapter, then what it comes to."""
    names = sorted(report.adapters)
    results = {name: report.adapters[name].results() for name in names}
    widths = {name: max(len(name), len("not offered")) for name in names}
    yield "      " + "  ".join(name.ljust(widths[name]) for name in names)
    for clause_id, clause in CLAUSES.items():
        if any(results[name].get(clause_id, "not run") != "not run" for name in names):
            cells = "  ".join(results[name].get(clause_id, "-").ljust(widths[name]) for name in names)
            yield f"{clause_id:<5} {cells}  {clause.promise}"
    yield ""
    for name in names:
        yield _verdict(name, report.adapters[name])


def _verdict(name: str, adapter: Adapter) -> str:
    results = adapter.results()
    counts = {result: list(results.values()).count(result) for result in dict.fromkeys(results.values())}
    tried = ", ".join(f"{count:,} {what.replace('_', ' ')}" for what, count in _sum(adapter).items() if count)
    wrong = ", ".join(f"{key} {result}" for key, result in results.items() if result in {"BROKEN", "gap", "closed gap"})
    wrong = wrong or "not all was run"
    verdict = "PASSED" if adapter.passed else f"NOT PASSED ({wrong})"
    return f"{name}: {verdict}: {', '.join(f'{count} {result}' for result, count in counts.items())}; {tried}"


def _sum(adapter: Adapter) -> dict[str, int]:
    total: dict[str, int] = {}
    for kept in adapter.clauses.values():
        for what, count in kept.tried.items():
            total[what] = total.get(what, 0) + count
    return total


def _tests(kept: Kept | None) -> Mapping[str, int]:
    kept = kept or Kept()
    return {"passed": kept.passed, "failed": kept.failed, "expected": kept.expected, "skipped": kept.skipped}


def clause_of(item: pytest.Item) -> Clause | None:
    """The clause that a test of the suite holds, by its name."""
    named = _NAME.match(item.name)
    return CLAUSES.get(f"{named[1].upper()}{named[2]}") if named and harness_of(item) else None


def harness_of(item: pytest.Item) -> type[Harness] | None:
    """The harness that a test of the suite runs on."""
    if not isinstance(item, pytest.Function) or item.cls is None:
        return None
    chosen = item.callspec.params.get("harness_class") if hasattr(item, "callspec") else None
    found = chosen or getattr(item.cls, "harness", None)
    return found if isinstance(found, type) and issubclass(found, Harness) else None


def noted(item: pytest.Item, report: pytest.TestReport, clause: Clause, harness: type[Harness]) -> None:
    """Let the report of a phase say what it is of, in words that travel between processes."""
    told = {
        "adapter": harness.__name__,
        "clause": clause.id,
        "declared_gap": clause.id in harness.gaps,
        "declined": bool(clause.need & ~harness.supports),
    }
    report.user_properties = [*item.user_properties, (_NOTE, told)]


KEY = pytest.StashKey[Report]()
