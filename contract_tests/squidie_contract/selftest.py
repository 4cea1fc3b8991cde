"""The contract's test of itself: every clause can fail, and does where it should.

Run it with `pytest --pyargs squidie_contract.selftest`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from squidie_contract.clauses import CLAUSES
from squidie_contract.mutants.broken import Mutant
from squidie_contract.mutants.plugin import mutants

Results = dict[str, Any]


class TestMutants:
    """All mutants go through the suite in a session of their own, as a stranger's adapter does."""

    @pytest.fixture(scope="class")
    def results(self, tmp_path_factory: pytest.TempPathFactory) -> Results:
        """Give what the report says of each mutant."""
        path: Path = tmp_path_factory.mktemp("selftest") / "report.json"
        arguments = ["-p", "squidie_contract.mutants.plugin", "-p", "no:cacheprovider", "-q", "--tb=line"]
        arguments += ["--contract-profile=probe", f"--contract-report={path}", "--pyargs", "squidie_contract.suite"]
        subprocess.run(
            [sys.executable, "-m", "pytest", *arguments], check=False, cwd=path.parent, stdout=subprocess.DEVNULL
        )
        results: Results = json.loads(path.read_text())["adapters"]
        return results

    @pytest.mark.parametrize("mutant", mutants(), ids=lambda mutant: f"{mutant.breaks}-{mutant.__name__}")
    def test_is_rejected_by_the_clause_that_it_breaks(self, mutant: type[Mutant], results: Results) -> None:
        assert results[mutant.__name__]["clauses"][mutant.breaks]["result"] == "BROKEN"

    def test_there_is_one_for_every_clause(self) -> None:
        assert set(CLAUSES) - {mutant.breaks for mutant in mutants()} == set()

    def test_each_says_what_is_wrong_with_it(self) -> None:
        assert [mutant for mutant in mutants() if not mutant.__doc__] == []
