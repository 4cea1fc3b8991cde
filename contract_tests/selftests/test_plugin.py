"""What an adapter's author meets: results, gaps, what is not offered, what was not run, and how failures read."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

HARNESS = """
import pytest
from squidie_contract import Capability, Harness, StorageContract
from squidie_contract.mutants.index import OverwritesBlobs
from squidie_core.memory import MemoryStorage, MemoryWorld


class Sound(Harness):
    supports = Capability.SHARED_RESERVATIONS | Capability.EXCLUSIVE_RESERVATIONS

    def __init__(self):
        self.world = MemoryWorld()

    def storage(self, wire):
        return MemoryStorage("one", world=self.world)


class Broken(OverwritesBlobs):
    pass


class Absent(Sound):
    def __init__(self):
        pytest.skip("there is no server here")


"""


@dataclass(frozen=True)
class Ended:
    """A session of pytest that is over."""

    status: int
    output: str
    adapters: dict[str, Any]

    def result(self, adapter: str, clause: str) -> str:
        return str(self.adapters[adapter]["clauses"][clause]["result"])


@dataclass(frozen=True)
class Author:
    """Runs pytest in a folder of its own."""

    folder: Path

    def run(self, source: str, *arguments: str) -> Ended:
        (self.folder / "test_acme.py").write_text(HARNESS + source)
        report = self.folder / "report.json"
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--contract-report={report}", *arguments],
            cwd=self.folder,
            check=False,
            capture_output=True,
            text=True,
        )
        adapters: dict[str, Any] = json.loads(report.read_text())["adapters"] if report.exists() else {}
        return Ended(done.returncode, done.stdout + done.stderr, adapters)


@pytest.fixture
def author(tmp_path: Path) -> Author:
    return Author(tmp_path)


class TestTheContract:
    def test_says_what_is_kept(self, author: Author) -> None:
        ended = author.run("class TestAcme(StorageContract): harness = Sound", "-k", "b1")
        assert (ended.status, ended.result("Sound", "B1")) == (0, "kept")
        assert "B1    kept" in ended.output

    def test_names_the_clause_its_promise_and_the_history_that_broke_it(self, author: Author) -> None:
        ended = author.run("class TestAcme(StorageContract): harness = Broken", "-k", "b1_blobs_stay")
        assert (ended.status, ended.result("Broken", "B1")) == (1, "BROKEN")
        assert "Broken breaks B1" in ended.output
        assert "A blob is kept under its name and never changes." in ended.output
        assert "storage.put_blob('one', 'first') -> None" in ended.output
        assert "storage.get_blobs(['one']) -> {'one': 'second'}" in ended.output
        assert "Broken: NOT PASSED (B1 BROKEN)" in ended.output

    def test_is_not_passed_by_what_was_not_run(self, author: Author) -> None:
        ended = author.run("class TestAcme(StorageContract): harness = Absent", "-k", "b1")
        assert (ended.status, ended.result("Absent", "B1")) == (0, "not run")
        assert not ended.adapters["Absent"]["passed"]
        assert "Absent: NOT PASSED" in ended.output

    def test_leaves_out_what_is_not_declared(self, author: Author) -> None:
        ended = author.run("class TestAcme(StorageContract): harness = Sound", "-k", "j15")
        assert (ended.status, ended.result("Sound", "J15")) == (0, "not offered")

    @pytest.mark.parametrize(
        ("supports", "says"),
        [("Capability.NONE", "exclusive_reservations"), ("~Capability.NONE", "durable")],
    )
    def test_rejects_a_declaration_that_the_adapter_does_not_share(
        self, author: Author, supports: str, says: str
    ) -> None:
        source = f"class Other(Sound): supports = {supports}\nclass TestAcme(StorageContract): harness = Other"
        ended = author.run(source, "-k", "c1")
        assert (ended.status, ended.result("Other", "C1")) == (1, "BROKEN")
        assert says in ended.output


class TestAGap:
    SOURCE = "class Gap({}): gaps = {{'{}': 'known since yesterday'}}\nclass TestAcme(StorageContract): harness = Gap"

    def test_that_is_declared_fails_nothing(self, author: Author) -> None:
        ended = author.run(self.SOURCE.format("Broken", "B1"), "-k", "b1", "-rx")
        assert (ended.status, ended.result("Gap", "B1")) == (0, "gap")
        assert "known since yesterday" in ended.output
        assert not ended.adapters["Gap"]["passed"]

    def test_that_was_closed_must_be_struck(self, author: Author) -> None:
        ended = author.run(self.SOURCE.format("Sound", "B1"), "-k", "b1")
        assert (ended.status, ended.result("Gap", "B1")) == (1, "closed gap")
        assert "ERROR: Gap.gaps names B1, and every test of it that ran has passed: strike it" in ended.output

    def test_stays_one_as_long_as_a_test_of_its_clause_fails(self, author: Author) -> None:
        ended = author.run(self.SOURCE.format("Broken", "B1"), "-k", "b1", "-rxX")
        assert "1 xfailed" in ended.output
        assert "xpassed" in ended.output
        assert (ended.status, ended.result("Gap", "B1")) == (0, "gap")

    def test_in_no_clause_is_refused(self, author: Author) -> None:
        ended = author.run(self.SOURCE.format("Sound", "J99"), "-k", "b1")
        assert ended.status == pytest.ExitCode.USAGE_ERROR
        assert "J99" in ended.output


class TestTheSuite:
    def test_without_a_harness_is_an_error(self, author: Author) -> None:
        ended = author.run("", "-p", "no:squidie_storage_files", "--pyargs", "squidie_contract.suite")
        assert ended.status not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
        assert "no harness is registered" in ended.output

    def test_takes_harnesses_by_the_hook(self, author: Author) -> None:
        conftest = HARNESS + "@pytest.hookimpl\ndef pytest_squidie_harnesses():\n    return [Sound, Broken]\n"
        (author.folder / "acme_plugin.py").write_text(conftest)
        ended = author.run("", "-p", "acme_plugin", "--pyargs", "squidie_contract.suite", "-k", "b1")
        assert (ended.result("Sound", "B1"), ended.result("Broken", "B1")) == ("kept", "BROKEN")

    def test_refuses_two_harnesses_of_one_name(self, author: Author) -> None:
        source = "class TestOne(StorageContract): harness = Sound\nOne = Sound\n"
        source += "class Sound(One): pass\nclass TestOther(StorageContract): harness = Sound"
        ended = author.run(source, "-k", "b1")
        assert ended.status == pytest.ExitCode.USAGE_ERROR
        assert "Sound" in ended.output


class TestThePlugin:
    def test_imports_neither_the_core_nor_hypothesis(self) -> None:
        program = "import sys, squidie_contract.plugin\nprint(*{name.partition('.')[0] for name in sys.modules})"
        done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
        assert {"squidie_core", "hypothesis", "sqlalchemy"} & set(done.stdout.split()) == set()
