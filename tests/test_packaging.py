from __future__ import annotations

import email.message
import email.parser
import json
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MEMBERS = {
    "squidie_core": "squidie_core",
    "squidie_storage_sql": "squidie_storage_sql",
    "squidie_storage_dynamodb": "squidie_storage_dynamodb",
    "squidie_leases_redis": "squidie_leases_redis",
    "contract_tests": "squidie_contract",
}

IMPORT_EVERYTHING = """
import importlib, json, pkgutil, sys
sys.path.insert(0, {path!r})
import squidie_core
for module in pkgutil.walk_packages(squidie_core.__path__, "squidie_core."):
    if not module.name.endswith(".__main__"):
        importlib.import_module(module.name)
print(json.dumps(sorted(sys.modules)))
"""


def test_the_core_imports_with_the_standard_library_alone() -> None:
    """Every module of it, where no site-packages can be seen and every warning is an error."""
    program = IMPORT_EVERYTHING.format(path=str(ROOT / "squidie_core"))
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    imported = {name.partition(".")[0] for name in json.loads(done.stdout)}
    assert "squidie_core" in imported
    assert imported - sys.stdlib_module_names - {"squidie_core", "__main__"} == set()


def test_the_workspace_has_exactly_these_members() -> None:
    workspace = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]["workspace"]
    assert workspace["members"] == list(MEMBERS)


@pytest.mark.parametrize(("folder", "package"), MEMBERS.items())
def test_a_member_declares_its_types(folder: str, package: str) -> None:
    assert (ROOT / folder / package / "__init__.py").is_file()
    assert (ROOT / folder / package / "py.typed").is_file()


@pytest.mark.parametrize("folder", MEMBERS)
def test_a_member_carries_the_license_of_the_whole(folder: str) -> None:
    assert (ROOT / folder / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def built(folder: str, into: Path) -> zipfile.ZipFile:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(into)]
    done = subprocess.run(build, cwd=ROOT / folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = into.glob("*.whl")
    return zipfile.ZipFile(wheel)


def metadata(wheel: zipfile.ZipFile) -> email.message.Message:
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return email.parser.Parser().parsestr(wheel.read(name).decode())


@pytest.mark.slow
@pytest.mark.parametrize(("folder", "package"), MEMBERS.items())
def test_a_wheel_carries_its_package_its_types_and_its_license(folder: str, package: str, tmp_path: Path) -> None:
    with built(folder, tmp_path) as wheel:
        names = wheel.namelist()
        described = metadata(wheel)
    assert {f"{package}/__init__.py", f"{package}/py.typed"} <= set(names)
    assert [name for name in names if name.endswith(".dist-info/licenses/LICENSE")]
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == {package}
    assert described["License-Expression"] == "Apache-2.0"
    assert described["Requires-Python"] == ">=3.11"


@pytest.mark.slow
def test_the_wheel_of_the_core_requires_nothing(tmp_path: Path) -> None:
    with built("squidie_core", tmp_path) as wheel:
        described = metadata(wheel)
    assert described["Name"] == "squidie-core"
    required = described.get_all("Requires-Dist") or []
    assert [each for each in required if "extra ==" not in each] == []


def test_no_committed_file_names_a_registry() -> None:
    """Where packages come from is the business of the machine that installs them."""
    # In halves, so that this file does not name them either.
    hosts = [
        "py" + "pi.org",
        "python" + "hosted.org",
        "npm" + "js.org",
        "npm" + "js.com",
        "yarn" + "pkg.com",
        "deb." + "debian.org",
        "crates" + ".io",
        "proxy." + "golang.org",
    ]
    named = re.compile("|".join(map(re.escape, hosts)).encode(), re.IGNORECASE)
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout
    files = [ROOT / name for name in listed.decode().split("\0") if name]
    assert ROOT / "constraints.txt" in files
    assert [str(file) for file in files if file.is_file() and named.search(file.read_bytes())] == []
