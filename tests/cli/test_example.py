from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from squidie_core import Squidie
from tests.cli.command import Command, environment, until

EXAMPLE = Path(__file__).parents[2] / "examples" / "ring_errand"


class TestRingErrand:
    def test_goes_as_its_readme_says(self, squidie: Command) -> None:
        """The commands of README.md, in a copy of the folder."""
        shutil.copy(EXAMPLE / "app.py", squidie.directory)
        readme = (EXAMPLE / "README.md").read_text("utf-8")
        said = {"SQUIDIE_URL": str(re.search(r"SQUIDIE_URL=(\S+)", readme)[1])}  # type: ignore[index]
        store = Squidie(f"sqlite:///{squidie.directory / 'errands.db'}")
        worker = squidie.start("worker", "app:open_squidie")
        try:
            ids = {self.started(squidie.directory) for _ in range(2)}
            assert len(ids) == 1
            (run,) = ids
            until(lambda: store.inspect_run(run).status == "paused")
            for line in re.findall(r"^squidie ((?:resume|approve) .*)$", readme, re.MULTILINE):
                command, _, actor, *_ = line.replace("--actor ", "").split()
                assert squidie(command, run, "--actor", actor, **said).code == 0
            until(lambda: store.inspect_run(run).status == "completed")
        finally:
            store.close()
            worker.terminate()
            worker.communicate()
        assert worker.returncode == 0

    def started(self, directory: Path) -> str:
        done = subprocess.run(
            [sys.executable, "app.py", "one"],
            cwd=directory,
            env=environment({}),
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()
