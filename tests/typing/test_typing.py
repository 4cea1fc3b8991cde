"""mypy and pyright see every route, payload and result of a workflow, and the mistakes in them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent

Refused = dict[str, set[int]]


def mypy(files: Sequence[Path]) -> Refused:
    """The lines with errors, by file name."""
    output = check("mypy", "--output", "json", files=files)
    items = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    return lines((item["file"], item["line"]) for item in items if item["severity"] == "error")


def pyright(files: Sequence[Path]) -> Refused:
    """The lines with errors, by file name."""
    report = json.loads(check("pyright", "--outputjson", files=files))
    assert report["summary"]["filesAnalyzed"] == len(files)
    items = [item for item in report["generalDiagnostics"] if item["severity"] == "error"]
    return lines((item["file"], item["range"]["start"]["line"] + 1) for item in items)


def check(checker: str, *options: str, files: Sequence[Path]) -> str:
    command = [sys.executable, "-m", checker, *options, *map(str, files)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1, f"{checker} found nothing wrong, or broke: {done.stdout}{done.stderr}"
    return done.stdout


def lines(found: Iterable[tuple[str, int]]) -> Refused:
    by_file: Refused = {}
    for file, line in found:
        by_file.setdefault(Path(file).name, set()).add(line)
    return by_file


@pytest.mark.parametrize("checker", [mypy, pyright])
def test_exactly_the_mistakes_are_refused(checker: Callable[[Sequence[Path]], Refused], tmp_path: Path) -> None:
    refused = Path(shutil.copy(HERE / "refused.py.in", tmp_path / "refused.py"))
    text = refused.read_text(encoding="utf-8")
    marked = {number for number, line in enumerate(text.splitlines(), 1) if line.endswith("# ERR")}
    assert checker([HERE / "accepted.py", refused]) == {"refused.py": marked}
