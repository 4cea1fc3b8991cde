"""The contract as a page, with what became of it: `python -m squidie_contract.page REPORT.json PAGE.md`.

REPORT is what `--contract-report` wrote. Where it holds results already known under `results`, these are taken as they
are; what is written beside the page, as `PAGE.json`, is such a file.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from squidie_contract.capabilities import Capability
from squidie_contract.clauses import CONTRACT, Chapter, Clause

Results = Mapping[str, Mapping[str, str]]
"""By adapter and clause."""

_HEAD = """\
# The contract of the adapters

<!-- Written by `make contract-page`. Change the clauses in contract_tests/squidie_contract/clauses.py. -->

What every adapter promises, by number. The numbers stand in the docstrings of the ports, in the names of the tests
(`test_j3_...` holds J3), and in reports; `pytest -m 'contract(id="J3")'` selects them. An adapter's author finds in
`contract_tests/README.md` how to run the suite. A clause with a power in brackets binds those alone who declare that
power; all others bind everybody.

**kept**: every test of the clause passed; **gap**: known to be broken, and declared; **not offered**: the power is not
declared.
"""


def page(results: Results) -> str:
    """The page, with a column for each adapter."""
    return "\n".join([_HEAD, *(line for chapter in CONTRACT for line in _chapter(chapter, results)), *_powers()])


def results_of(report: Mapping[str, Any]) -> Results:
    """What a report says of each clause, by the adapters' names."""
    if "results" in report:
        known: Results = report["results"]
        return known
    return {
        name.removesuffix("Harness"): {clause: told["result"] for clause, told in adapter["clauses"].items()}
        for name, adapter in report["adapters"].items()
    }


def _chapter(chapter: Chapter, results: Results) -> Iterator[str]:
    adapters = [name for name, told in results.items() if chapter.clauses[0].id in told]
    yield f"## {chapter.title}\n"
    yield f"| | promise | {' | '.join(adapters)} |"
    yield f"|---|---|{'---|' * len(adapters)}"
    for clause in chapter.clauses:
        yield f"| {clause.id} | {_promise(clause)} | {' | '.join(results[name][clause.id] for name in adapters)} |"
    yield ""


def _promise(clause: Clause) -> str:
    return clause.promise if not clause.need else f"{clause.promise} [{clause.need.name}]"


def _powers() -> Iterator[str]:
    yield "## Powers that may be declared\n"
    yield "| power | clauses |"
    yield "|---|---|"
    for power in Capability:
        bound = [clause.id for chapter in CONTRACT for clause in chapter.clauses if clause.need == power]
        yield f"| {power.name} | {', '.join(bound)} |"
    yield ""


def main(report: str, target: str) -> None:
    """Write the page and its results."""
    results = results_of(json.loads(Path(report).read_text("utf-8")))
    Path(target).write_text(page(results), "utf-8")
    Path(target).with_suffix(".json").write_text(json.dumps({"results": results}, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
