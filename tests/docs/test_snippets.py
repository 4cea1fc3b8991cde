"""Every Python snippet of the README and the docs runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_REDIS = "redis://localhost:6379/0"


def _snippets() -> list[tuple[str, str]]:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted(ROOT.glob("squidie_*/README.md"))]
    return [
        (f"{page.relative_to(ROOT)}:{number}", snippet)
        for page in pages
        for number, snippet in enumerate(_FENCE.findall(page.read_text(encoding="utf-8")), 1)
    ]


class TestSnippets:
    @pytest.mark.parametrize(("place", "snippet"), _snippets(), ids=[place for place, _ in _snippets()])
    def test_runs_as_it_stands(self, request: pytest.FixtureRequest, place: str, snippet: str, tmp_path: Path) -> None:
        """Each is a program of its own, run in an empty folder; a warning is an error. Redis is where the tests say."""
        program = tmp_path / "snippet.py"
        if _REDIS in snippet:
            snippet = snippet.replace(_REDIS, request.getfixturevalue("redis_url"))
        program.write_text(snippet, encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-W", "error", str(program)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"{place}:\n{done.stderr}"

    def test_says_in_its_comments_what_the_readme_prints(self, tmp_path: Path) -> None:
        program = tmp_path / "snippet.py"
        program.write_text(_snippets()[0][1], encoding="utf-8")
        done = subprocess.run(
            [sys.executable, str(program)], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
        )
        waiting, outcome = done.stdout.splitlines()
        assert "kind='approval', step='review'" in waiting
        assert outcome == "completed {'parcel': 'A-1: stock for A-1'}"
        assert f"# {outcome}" in _snippets()[0][1]
