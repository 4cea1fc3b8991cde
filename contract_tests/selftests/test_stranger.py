"""The adapter in examples/adapter_author keeps the contract by the public suite alone, found by its entry point."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from squidie_core import Squidie, Workflow, step, trigger


@pytest.mark.slow
def test_it_passes_the_suite(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--contract-report={report}"]
    done = subprocess.run(
        [*command, "--pyargs", "squidie_contract.suite"], cwd=tmp_path, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout
    (adapter,) = json.loads(report.read_text())["adapters"].values()
    assert adapter["passed"], done.stdout
    assert "FilesHarness: PASSED" in done.stdout


def test_it_is_found_by_its_scheme(tmp_path: Path) -> None:
    assert entry_points(group="squidie.storage", name="files")

    class One(Workflow, name="stranger"):
        begin = trigger.manual()
        only = step.log("done")

    with Squidie(f"files://{tmp_path}", workflows=[One]) as squidie:
        run = squidie.start(One.begin)
        squidie.drain()
        assert squidie.inspect_run(run).status == "completed"
