from __future__ import annotations

import importlib.util
import os
import signal
import sys
from pathlib import Path

import pytest

from squidie_core import Squidie
from squidie_core.authoring import definition_of
from squidie_core.cli.demo_workers import DemoWorkers
from squidie_core.cli.demo_workflow import TRAIL, RingErrand
from squidie_core.definition.content import to_text
from tests.cli.command import Command, until


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


class TestDemo:
    def test_shows_a_takeover_and_ends_well(self, squidie: Command) -> None:
        done = squidie("demo")
        assert done.code == 0, done.out + done.err
        for part in (
            "SIGKILL to",
            "took cross over, delivery 2",
            "elrond approved",
            "the run ended: completed",
            "ok   the run completed",
        ):
            assert part in done.out
        assert "NOT" not in done.out

    def test_works_in_a_store_of_yours_and_in_no_other(self, squidie: Command, url: str) -> None:
        """And gives programs the run and the checks."""
        other = f"sqlite:///{squidie.directory / 'other.db'}"
        arguments = ("demo", "--json", "--url", url, "--keep", "kept")
        document = squidie(*arguments, SQUIDIE_URL=other, SQUIDIE_QUEUE="other").document
        assert document["run"]["status"] == "completed"
        assert len(document["run"]["history"]) == document["run"]["rev"]
        assert all(check["ok"] for check in document["checks"])
        with Squidie(url) as store:
            assert [run.id for run in store.list_runs().runs] == [document["run"]["id"]]
        assert not (squidie.directory / "other.db").exists()
        assert "worker merry takes work" in (squidie.directory / "kept" / "merry.log").read_text("utf-8")

    def test_takes_its_processes_along_when_it_is_ended(self, squidie: Command, tmp_path: Path) -> None:
        demo = squidie.start("demo", "--keep", str(tmp_path))
        assert demo.stdout is not None
        pids: list[int] = []
        for line in demo.stdout:
            if "is process" in line:
                pids.append(int(line.split()[-1]))
            if len(pids) == 2:
                break
        demo.send_signal(signal.SIGTERM)
        demo.communicate(timeout=60)
        assert demo.returncode == 128 + signal.SIGTERM
        assert [pid for pid in pids if is_running(pid)] == []


class TestWorkers:
    def test_are_gone_when_the_block_ends_in_an_error(self, tmp_path: Path, url: str) -> None:
        pids: list[int] = []

        def fail() -> None:
            with DemoWorkers(tmp_path, tmp_path / "trail", {"url": url}) as workers:
                pids.append(workers.start("merry", lease_for=1))
                until(lambda: "takes work" in "".join(workers.last_words()["merry"]))
                raise RuntimeError

        with pytest.raises(RuntimeError):
            fail()
        assert [is_running(pid) for pid in pids] == [False]


class TestWorkflow:
    def test_is_the_example_that_people_copy(self) -> None:
        """Its definition is that of examples/ring_errand, step by step."""
        source = Path(__file__).parents[2] / "examples" / "ring_errand" / "app.py"
        spec = importlib.util.spec_from_file_location("ring_errand_app", source)
        assert spec is not None
        assert spec.loader is not None
        app = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = app
        spec.loader.exec_module(app)
        copied = to_text(definition_of(app.RingErrand))
        assert copied.replace(app.__name__, RingErrand.__module__) == to_text(definition_of(RingErrand))

    def test_leaves_no_trail_outside_the_demo(self) -> None:
        assert TRAIL not in os.environ
