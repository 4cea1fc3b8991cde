"""The contract's test of itself: every clause can fail, and does where it should.

Run it with `pytest --pyargs squidie_contract.selftest`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

import pytest

from squidie_contract.clauses import CLAUSES
from squidie_contract.mutants.plugin import ROOM, ROOMS, mutants, name_of


def results(room: ModuleType) -> dict[str, str]:
    """What becomes of the clause that each mutant breaks: they go through the suite as a stranger's adapters do."""
    with TemporaryDirectory(prefix="squidie-contract-") as folder:
        report = Path(folder) / "report.json"
        arguments = ["-p", "squidie_contract.mutants.plugin", "-p", "no:cacheprovider", "-q", "--tb=line"]
        arguments += ["--contract-profile=probe", f"--contract-report={report}", "--pyargs", "squidie_contract.suite"]
        command = [sys.executable, "-m", "pytest", *arguments]
        chosen = {**os.environ, ROOM: name_of(room)}
        done = subprocess.run(command, check=False, cwd=folder, env=chosen, capture_output=True, text=True)
        assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout + done.stderr
        adapters: dict[str, Any] = json.loads(report.read_text())["adapters"]
        return {
            mutant.__name__: adapters[mutant.__name__]["clauses"][mutant.breaks]["result"] for mutant in mutants(room)
        }


class TestMutants:
    """Every mutant is found out."""

    @pytest.mark.parametrize("room", ROOMS, ids=name_of)
    def test_are_rejected_each_by_the_clause_that_it_breaks(self, room: ModuleType) -> None:
        assert results(room) == {mutant.__name__: "BROKEN" for mutant in mutants(room)}

    def test_there_is_one_for_every_clause(self) -> None:
        assert set(CLAUSES) - {mutant.breaks for mutant in mutants()} == set()

    def test_each_says_what_is_wrong_with_it(self) -> None:
        assert [mutant for mutant in mutants() if not mutant.__doc__] == []
