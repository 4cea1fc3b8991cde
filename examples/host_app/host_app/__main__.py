"""`python -m host_app smoke`, `resilience` or `soak`: on a SQLite file of its own, or on the store that is named."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from host_app.resilience import resilience, step
from host_app.smoke import smoke
from host_app.soak import soak, work


def main() -> int:
    """Check, and say what was found; 1 where something was wrong."""
    parser = argparse.ArgumentParser(prog="python -m host_app", description=__doc__)
    parser.add_argument("what", choices=["smoke", "resilience", "soak", "step", "work"])
    parser.add_argument("--store", help="a URL; a new SQLite file unless given")
    parser.add_argument("--folder", type=Path, help="where the services keep what they did; a new one unless given")
    parser.add_argument("--runs", type=int, default=200, help="how many runs a soak starts")
    parser.add_argument("--run", default="", help=argparse.SUPPRESS)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="host-app-") as made:
        folder = given.folder or Path(made)
        url = given.store or f"sqlite:///{folder / 'runs.db'}"
        if given.what == "step":
            step(url, folder, given.run)
            return 0
        if given.what == "work":
            work(url, folder)
            return 0
        if given.what == "smoke":
            verdict = smoke(url, folder)
        elif given.what == "resilience":
            verdict = resilience(url, folder)
        else:
            verdict = soak(url, folder, runs=given.runs)
        print(f"{given.what}: {verdict}")
        return 1 if verdict.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
