"""The host application's own checks, as its README tells to run them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from squidie_storage_sql import open_postgresql

FOLDER = Path(__file__).parents[2] / "examples" / "host_app"


pytestmark = pytest.mark.timeout(300)


def check(what: str, *options: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "host_app", what, *options],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        timeout=290,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{what}: " in done.stdout


@pytest.fixture(scope="module")
def store_url(postgresql_url: str) -> str:
    open_postgresql.migrate(postgresql_url)
    return f"{postgresql_url}{'&' if '?' in postgresql_url else '?'}namespace=host-app"


def test_smoke_on_its_own_file() -> None:
    check("smoke")


def test_smoke_on_postgresql(store_url: str) -> None:
    check("smoke", "--store", store_url)


@pytest.mark.slow
def test_resilience() -> None:
    check("resilience")


def test_soak_on_postgresql(store_url: str) -> None:
    check("soak", "--store", store_url, "--runs", "40")
