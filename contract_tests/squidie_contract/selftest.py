"""The contract's test of itself: every clause can fail, and does where it should.

Run it with `pytest --pyargs squidie_contract.selftest`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from squidie_contract.clauses import CLAUSES
from squidie_contract.mutants.broken import Mutant
from squidie_contract.mutants.plugin import mutants


@cache
def results() -> dict[str, Any]:
    """What the report says of each mutant: all go through the suite in a session of their own, as strangers do."""
    with TemporaryDirectory(prefix="squidie-contract-") as folder:
        report = Path(folder) / "report.json"
        arguments = ["-p", "squidie_contract.mutants.plugin", "-p", "no:cacheprovider", "-q", "--tb=line"]
        arguments += ["--contract-profile=probe", f"--contract-report={report}", "--pyargs", "squidie_contract.suite"]
        command = [sys.executable, "-m", "pytest", *arguments]
        done = subprocess.run(command, check=False, cwd=folder, capture_output=True, text=True)
        assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout + done.stderr
        adapters: dict[str, Any] = json.loads(report.read_text())["adapters"]
        return adapters


class TestMutants:
    """Every mutant is found out."""

    @pytest.mark.parametrize("mutant", mutants(), ids=lambda mutant: f"{mutant.breaks}-{mutant.__name__}")
    def test_is_rejected_by_the_clause_that_it_breaks(self, mutant: type[Mutant]) -> None:
        assert results()[mutant.__name__]["clauses"][mutant.breaks]["result"] == "BROKEN"

    def test_there_is_one_for_every_clause(self) -> None:
        assert set(CLAUSES) - {mutant.breaks for mutant in mutants()} == set()

    def test_each_says_what_is_wrong_with_it(self) -> None:
        assert [mutant for mutant in mutants() if not mutant.__doc__] == []
