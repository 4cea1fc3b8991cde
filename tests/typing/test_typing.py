"""mypy and pyright see every route, payload and result of a workflow, and the mistakes in them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
ACCEPTED = HERE / "accepted.py"
REFUSED = HERE / "refused.py"


def marked(file: Path) -> set[int]:
    lines = file.read_text(encoding="utf-8").splitlines()
    return {number for number, line in enumerate(lines, 1) if line.endswith("# ERR")}


def mypy() -> dict[str, set[int]]:
    command = [sys.executable, "-m", "mypy", "--output", "json", str(ACCEPTED), str(REFUSED)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    found: dict[str, set[int]] = {}
    for line in done.stdout.splitlines():
        item = json.loads(line)
        if item["severity"] == "error":
            found.setdefault(Path(item["file"]).name, set()).add(item["line"])
    return found


def pyright() -> dict[str, set[int]]:
    command = [sys.executable, "-m", "pyright", "--outputjson", str(ACCEPTED), str(REFUSED)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    found: dict[str, set[int]] = {}
    for item in json.loads(done.stdout)["generalDiagnostics"]:
        if item["severity"] == "error":
            found.setdefault(Path(item["file"]).name, set()).add(item["range"]["start"]["line"] + 1)
    return found


@pytest.mark.parametrize("checker", [mypy, pyright])
def test_exactly_the_mistakes_are_refused(checker: object) -> None:
    assert callable(checker)
    found = checker()
    assert found.get(ACCEPTED.name, set()) == set()
    assert found.get(REFUSED.name) == marked(REFUSED)
