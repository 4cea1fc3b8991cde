"""The peers' own environments, made once and kept beside the benchmark."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / ".environments"

PEERS = {
    "dbos": ("dbos==3.4.0", "pysqlite3-binary==0.5.4.post2"),  # with a SQLite that is new enough for it
    "absurd": ("absurd-sdk==0.5.1", "absurdctl==0.5.1"),
    "pgqueuer": ("pgqueuer==1.6.0", "asyncpg==0.32.0", "uvloop==0.23.0"),
}


def python_of(peer: str) -> str:
    """The interpreter of the peer's environment, which is made if it is not there."""
    folder = FOLDER / peer
    python = folder / "bin" / "python"
    complete = folder / ".complete"
    wanted = "\n".join(PEERS[peer])
    if not complete.exists() or complete.read_text() != wanted:
        sys.stderr.write(f"installing {', '.join(PEERS[peer])}\n")
        uv = Path(sys.executable).parent / "uv"
        _run(str(uv), "venv", "--quiet", "--clear", "--python", sys.executable, str(folder))
        _run(str(uv), "pip", "install", "--quiet", "--python", str(python), *PEERS[peer])
        complete.write_text(wanted)
    return str(python)


def _run(*command: str) -> None:
    subprocess.run(command, check=True)  # noqa: S603  # a program of this environment
