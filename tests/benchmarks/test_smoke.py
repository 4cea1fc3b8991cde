"""The benchmark's own scripts run; what they measure is nobody's expectation."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import DynamoDb, MissingServerError, Postgres, Redis

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_every_script_of_ours_says_what_it_measured(tmp_path: Path) -> None:
    try:
        Postgres(fsync=False).stop()
        Redis().stop()
        DynamoDb().stop()
    except MissingServerError as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(missing))
    report = tmp_path / "report.json"
    cases = (
        "postgresql_runs,sqlite_runs,postgresql_latency,long_run_price,starts,sleeping_runs_price,held_snapshot_price,"
        "lease_claims,wakeup_latency,footprint,postgresql_calls,sqlite_calls,dynamodb_calls"
    )
    options = ("--scale", "0.005", "--rounds", "1", "--no-peers", "--only", cases, "--json", str(report))

    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *options], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    found = json.loads(report.read_text())
    assert found["failures"] == {}
    assert {"postgresql_runs_vs_bound", "long_run_price", "held_snapshot_price"} <= set(found["ratios"])
    assert all(figure["ours"] > 0 for figure in found["figures"])
