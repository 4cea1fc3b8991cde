"""What importing loads: each process pays for what it uses."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import squidie_core
import squidie_storage_sql

HEAVY = {
    "argparse",
    "asyncio",
    "concurrent.futures",
    "ctypes",
    "difflib",
    "email",
    "hmac",
    "http",
    "importlib.metadata",
    "multiprocessing",
    "pathlib",
    "pickle",
    "secrets",
    "selectors",
    "shutil",
    "socket",
    "sqlite3",
    "ssl",
    "statistics",
    "subprocess",
    "tempfile",
    "tomllib",
    "unittest",
    "urllib",
    "zipfile",
    "zoneinfo",
}
"""Of the standard library: what nobody needs who only declares workflows or runs a worker."""

RUNNING = {f"squidie_core.{room}" for room in ("decisions", "inspection", "ports", "runtime", "state")}
ASIDE = {
    "squidie_core.cli",
    "squidie_core.decisions.children",
    "squidie_core.delivery.aio",
    "squidie_core.delivery.scheduler",
    "squidie_core.inspection.deadlines",
    "squidie_core.inspection.graph",
    "squidie_core.inspection.lineage",
    "squidie_core.inspection.listing",
    "squidie_core.inspection.metrics",
    "squidie_core.logs",
    "squidie_core.memory",
    "squidie_core.ports.health",
    "squidie_core.ports.instrumentation",
    "squidie_core.runtime.aio",
    "squidie_core.runtime.config",
    "squidie_core.runtime.coroutines",
    "squidie_core.runtime.doctor",
    "squidie_core.runtime.sampling",
    "squidie_core.runtime.telling",
}
"""What a worker does without until somebody asks."""


def loaded(program: str, *arguments: str) -> set[str]:
    """The modules in a fresh interpreter after the program, those that it starts with left out."""
    program = f"import sys; before = set(sys.modules)\n{program}\nprint(*(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-I", "-c", program, *arguments], check=True, capture_output=True, text=True)
    return set(done.stdout.split())


class TestTheCore:
    def test_by_itself_it_loads_none_of_its_rooms(self) -> None:
        found = loaded("import squidie_core")
        assert {name for name in found if name.startswith("squidie")} == {"squidie_core", "squidie_core.lazily"}
        assert not found & HEAVY

    def test_who_declares_workflows_loads_no_runtime(self) -> None:
        found = loaded("from squidie_core import Backoff, Retry, StepContext, Workflow, end, sequence, step, trigger")
        assert "squidie_core.authoring" in found
        assert not found & (HEAVY | RUNNING | ASIDE)
        assert "logging" not in found

    def test_who_asks_for_the_logs_loads_no_twin(self) -> None:
        assert not loaded("from squidie_core import logs") & {"asyncio", "squidie_core.delivery"}

    def test_a_worker_loads_what_it_works_with(self) -> None:
        found = loaded("from squidie_core import Squidie, Worker, Workflow, step, trigger")
        assert "squidie_core.runtime.worker" in found
        assert not found & (HEAVY | ASIDE)


class TestTheSqlStorage:
    def test_by_itself_it_loads_no_driver(self) -> None:
        assert not loaded("import squidie_storage_sql") & {"attrs", "psycopg", "sqlalchemy", "sqlite3"}

    def test_a_worker_on_sqlite_loads_nothing_of_postgresql_and_no_ddl(self, tmp_path: Path) -> None:
        url = f"sqlite:///{tmp_path / 'runs.db'}"
        squidie_storage_sql.open_sqlite(url, create=True).close()
        found = loaded("from squidie_core import Squidie, Worker\nSquidie(sys.argv[1]).close()", url)
        assert "sqlalchemy.dialects.sqlite" in found
        assert not found & {
            "alembic",
            "psycopg",
            "sqlalchemy.dialects.postgresql",
            "sqlalchemy.orm",
            "squidie_storage_sql.postgresql.database",
            "squidie_storage_sql.version_1",
        }

    def test_a_worker_on_postgresql_loads_nothing_of_sqlite_and_no_ddl(self) -> None:
        found = loaded("from squidie_core import Squidie, Worker\nfrom squidie_storage_sql import open_postgresql")
        assert "psycopg" in found
        assert not found & {
            "alembic",
            "psycopg_pool",
            "sqlalchemy.dialects.sqlite",
            "sqlalchemy.orm",
            "sqlite3",
            "squidie_storage_sql.sqlite.database",
            "squidie_storage_sql.version_1",
        }


def declared(package: ModuleType) -> Iterator[tuple[str, str]]:
    """The names of a package, as checkers see them, and where they come from."""
    tree = ast.parse(Path(str(package.__file__)).read_text())
    (checked,) = (node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    for node in checked.body:
        assert isinstance(node, ast.ImportFrom)
        yield from ((alias.name, str(node.module)) for alias in node.names)


ROOMS = [importlib.import_module(f"squidie_core.{room}") for room in ("inspection", "ports", "runtime")]


@pytest.mark.parametrize("package", [squidie_core, squidie_storage_sql, *ROOMS])
class TestNames:
    def test_each_is_what_checkers_take_it_for(self, package: ModuleType) -> None:
        for name, home in declared(package):
            expected = getattr(importlib.import_module(home), name)
            assert getattr(package, name) is expected, name

    def test_all_are_listed(self, package: ModuleType) -> None:
        names = [name for name, _ in declared(package)]
        assert sorted(names) == sorted(package.__all__)
        assert package in ROOMS or set(names) <= set(dir(package))

    def test_another_is_refused_by_name(self, package: ModuleType) -> None:
        with pytest.raises(AttributeError, match=f"module '{package.__name__}' has no attribute 'Sqiudie'"):
            _ = package.Sqiudie
