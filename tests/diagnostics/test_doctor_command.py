"""`squidie doctor` as operators and monitors run it."""

from __future__ import annotations

from pathlib import Path

import pytest

from squidie_core import Squidie
from squidie_core.cli.demo_workflow import Errand, RingErrand
from squidie_core.cli.failures import EXIT_CODES, FAILURES_FOUND, INTERRUPTED, OTHER_FAILURE, WARNINGS_FOUND
from tests.cli.command import Command, Inside
from tests.cli.conftest import host, inside, squidie, url

__all__ = ["host", "inside", "squidie", "url"]

UNREACHABLE = "postgresql://app:hunter2@127.0.0.1:1/runs?connect_timeout=2"


class TestExitCodes:
    def test_are_those_of_no_error(self) -> None:
        others = {0, OTHER_FAILURE, INTERRUPTED, *(code for code, _, _ in EXIT_CODES)}
        assert {WARNINGS_FOUND, FAILURES_FOUND}.isdisjoint(others)
        assert WARNINGS_FOUND != FAILURES_FOUND

    def test_are_documented(self, inside: Inside, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit):
            inside("--help")
        told = capsys.readouterr().out
        for code in (WARNINGS_FOUND, FAILURES_FOUND):
            assert f"  {code}  doctor: " in told


class TestCommand:
    def test_all_is_well(self, squidie: Command, url: str, host: Squidie) -> None:
        host.start(RingErrand.leave_shire, Errand("one"))
        done = squidie("doctor", "--url", url)
        assert (done.code, done.err) == (0, "")
        lines = done.out.splitlines()
        assert lines[0].split()[:2] == ["ok", "store"]
        assert lines[-1].endswith(" ok, 0 warnings, 0 failures")
        assert len(lines) >= 12

    def test_warnings(self, squidie: Command, inside: Inside, url: str, host: Squidie) -> None:
        run = host.start(RingErrand.leave_shire, Errand("one"))
        done = squidie("doctor", "--url", url, "--stuck-after", "0")
        assert (done.code, done.err) == (WARNINGS_FOUND, "")
        assert f"due for more than 0 minutes (not taken from queue default: 1): {run.id}" in done.out
        assert "hint: start a worker for queue default" in done.out
        document = inside("doctor", "--url", url, "--stuck-after", "0", "--json").document
        assert document["status"] == "warn"
        (stuck,) = [finding for finding in document["findings"] if finding["check"] == "stuck"]
        assert stuck["details"]["runs"][0]["id"] == run.id

    def test_failures(self, squidie: Command, inside: Inside, url: str, host: Squidie) -> None:
        run = host.start(RingErrand.leave_shire, Errand("one"))
        host.store.storage.quarantine(run.id, reason="torn", by="somebody")
        done = squidie("doctor", "--url", url, "--json")
        assert (done.code, done.err) == (FAILURES_FOUND, "")
        assert done.document["status"] == "fail"
        assert inside("doctor", "--url", url).code == FAILURES_FOUND

    def test_a_store_that_is_missing_is_a_failure_and_is_not_made(self, inside: Inside, tmp_path: Path) -> None:
        done = inside("doctor", "--url", "sqlite:///typo.db")
        assert done.code == FAILURES_FOUND
        assert "squidie migrate" in done.out
        assert not (tmp_path / "typo.db").exists()

    @pytest.mark.parametrize(("given", "code"), [(UNREACHABLE, "unavailable"), ("nosuch://x", "unknown_plugin")])
    def test_a_store_that_cannot_be_opened_is_a_failure(self, inside: Inside, given: str, code: str) -> None:
        done = inside("doctor", "--url", given, "--json")
        assert done.code == FAILURES_FOUND
        (finding,) = done.document["findings"]
        assert (finding["check"], finding["status"], finding["details"]["code"]) == ("store", "fail", code)
        assert "hunter2" not in done.out + done.err

    @pytest.mark.parametrize("arguments", [(), ("--url", "memory://", "--sample", "-1"), ("--nosuch",)])
    def test_wrong_usage_is_no_diagnosis(self, inside: Inside, arguments: tuple[str, ...]) -> None:
        assert inside("doctor", *arguments).code == 2
