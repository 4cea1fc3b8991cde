from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from squidie_core import Squidie
from squidie_core.cli.demo_workflow import Errand, RingErrand
from tests.cli.command import Command, until

Start = Callable[..., "subprocess.Popen[str]"]

HOST = """
from squidie_core import AsyncSquidie, Squidie
from squidie_core.cli.demo_workflow import RingErrand

workflows = [RingErrand]
number = 7

def open_squidie():
    return Squidie("sqlite:///runs.db", workflows=workflows)

def open_twin():
    return AsyncSquidie("sqlite:///runs.db", workflows=workflows)

from squidie_core import Workflow, step, trigger

class Often(Workflow, name="often"):
    beat = trigger.cron("* * * * *")
    beaten = step(lambda: {})

schedules = [Often]

def fail():
    raise RuntimeError("the shop has burnt down")

class Shop:
    opened = open_squidie()
"""


@pytest.fixture
def start(squidie: Command) -> Iterator[Start]:
    """Start commands; what still runs at the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def run(*arguments: str, **variables: str) -> subprocess.Popen[str]:
        started.append(squidie.start(*arguments, **variables))
        return started[-1]

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def host_module(tmp_path: Path) -> str:
    (tmp_path / "host.py").write_text(HOST, encoding="utf-8")
    return "host"


def works(host: Squidie) -> None:
    """A run gets as far as its first gate."""
    run = host.start(RingErrand.leave_shire, Errand("one"))
    until(lambda: host.inspect_run(run).status == "paused")


class TestWorker:
    @pytest.mark.parametrize("name", ["open_squidie", "open_twin", "Shop.opened"])
    def test_works_for_an_application_until_sigterm(
        self, start: Start, host: Squidie, host_module: str, name: str
    ) -> None:
        worker = start("worker", f"{host_module}:{name}", "--owner", "w1", "--lease-for", "5")
        works(host)
        worker.send_signal(signal.SIGTERM)
        out, err = worker.communicate(timeout=30)
        assert (worker.returncode, out) == (0, "")
        assert "worker w1 takes work from queue default" in err
        assert "worker w1 has stopped" in err

    @pytest.mark.parametrize("name", ["workflows", "RingErrand"])
    def test_makes_a_squidie_for_workflows(
        self, start: Start, host: Squidie, host_module: str, url: str, name: str
    ) -> None:
        worker = start(
            "worker", f"{host_module}:{name}", "--url", url, "--json", "--owner", "w1", "--log-level", "error"
        )
        works(host)
        worker.send_signal(signal.SIGINT)
        out, err = worker.communicate(timeout=30)
        assert (worker.returncode, err) == (0, "")
        assert '"owner_id": "w1"' in out

    def test_takes_everything_from_the_settings(self, start: Start, url: str, host_module: str) -> None:
        settings = {"SQUIDIE_APP": f"{host_module}:workflows", "SQUIDIE_URL": url, "SQUIDIE_QUEUE": "slow"}
        worker = start("worker", "--json", **settings)
        with Squidie(url, workflows=[RingErrand], queue="slow") as host:
            works(host)
        worker.terminate()
        out, _ = worker.communicate(timeout=30)
        assert (worker.returncode, '"queue": "slow"' in out) == (0, True)


class TestScheduler:
    def test_starts_what_is_due_until_sigterm(self, start: Start, host: Squidie, host_module: str, url: str) -> None:
        scheduler = start("scheduler", f"{host_module}:schedules", "--url", url, "--grace", "120", "--json")
        until(lambda: len(host.list_runs(workflow="often").runs) > 0)
        scheduler.send_signal(signal.SIGTERM)
        out, err = scheduler.communicate(timeout=30)
        assert (scheduler.returncode, '"stopped": true' in out) == (0, True)
        assert "the scheduler has stopped" in err

    def test_without_schedules_says_so(self, squidie: Command, host_module: str, url: str) -> None:
        done = squidie("scheduler", f"{host_module}:workflows", "--url", url)
        assert done.code == 2
        assert "no cron trigger" in done.err


class TestRefusal:
    @pytest.mark.parametrize(
        ("app", "code", "part"),
        [
            ("nosuch:squidie", 2, "no nosuch"),
            ("host.deeper:squidie", 2, "no host.deeper"),
            ("host:nosuch", 2, "does not have"),
            ("host:number", 2, "type int"),
            ("host", 2, "MODULE:OBJECT"),
            ("host:fail", 1, "RuntimeError: the shop has burnt down"),
            ("broken:squidie", 1, "broken.py:1"),
            ("needy:squidie", 1, "No module named 'nosuch'"),
            ("mistaken:Bad", 1, "problems in the workflow definition"),
        ],
    )
    def test_says_what_is_wrong_with_the_application(
        self, squidie: Command, host_module: str, app: str, code: int, part: str
    ) -> None:
        assert host_module
        files = {
            "broken": "1 / 0\n",
            "needy": "import nosuch\n",
            "mistaken": "from squidie_core import Workflow\nclass Bad(Workflow, name='bad'): pass\n",
        }
        for name, text in files.items():
            (squidie.directory / f"{name}.py").write_text(text, encoding="utf-8")
        done = squidie("worker", app)
        assert (done.code, done.out) == (code, ""), done.err
        assert part in done.err
        assert "Traceback" not in done.err

    def test_shows_the_traceback_of_the_application_to_who_asks(self, squidie: Command, host_module: str) -> None:
        done = squidie("worker", f"{host_module}:fail", "--log-level", "debug")
        assert "Traceback" in done.err

    def test_an_application_brings_its_own_store(self, squidie: Command, host_module: str) -> None:
        done = squidie("worker", f"{host_module}:open_squidie", "--url", "memory://")
        assert done.code == 2
        assert "--url goes with workflows" in done.err

    def test_names_the_option_that_cannot_be(self, squidie: Command, host_module: str) -> None:
        done = squidie("worker", f"{host_module}:open_squidie", "--concurrency", "0")
        assert done.code == 2
        assert "concurrency" in done.err
