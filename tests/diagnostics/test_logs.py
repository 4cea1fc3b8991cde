"""Records say which run they are about, and give nothing away."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from squidie_core import Retry, StepContext, Workflow, step, trigger
from squidie_core.authoring import Backoff
from squidie_core.logs import JsonFormatter, RunContext
from tests.diagnostics.flows import Failing, Retrying, Unlucky
from tests.runtime.flows import Chain, Held, Stage, on
from tests.runtime.stores import Store, working
from tests.runtime.waiting import eventually

host_log = logging.getLogger("tests.host")


class Kept(logging.Handler):
    """A host's handler, which keeps lines and records."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))
        self.records.append(record)

    def of(self, *loggers: str) -> list[logging.LogRecord]:
        return [record for record in self.records if record.name in loggers]


@pytest.fixture
def kept() -> Iterator[Kept]:
    """Give a handler for everything, with the filter."""
    handler = Kept()
    handler.addFilter(RunContext())
    handler.setFormatter(logging.Formatter("%(run_id)s %(workflow)s %(step)s %(attempt)s %(message)s"))
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield handler
    root.setLevel(level)
    root.removeHandler(handler)


def speak(ctx: StepContext) -> dict[str, Any]:
    host_log.info("from %s", ctx.step)
    if ctx.step == "second" and ctx.attempt == 1:
        raise ConnectionError
    return {}


async def speak_softly(ctx: StepContext) -> dict[str, Any]:
    async def whisper() -> None:
        host_log.info("from a task of %s", ctx.step)

    await asyncio.gather(whisper(), whisper())
    return {}


class Speaking(Workflow, name="speaking"):
    begin = trigger.manual()
    first = step(speak)
    second = step(speak, retry=Retry(2, Backoff(min=0, max=0)))
    third = step(speak_softly)
    transitions = (first.ok.to(second), second.ok.to(third))


class TestContext:
    @pytest.mark.parametrize("by_worker", [False, True])
    def test_records_of_bodies_say_where_they_come_from(self, store: Store, kept: Kept, *, by_worker: bool) -> None:
        squidie = store.open(Speaking)
        run = squidie.start(Speaking.begin)
        host_log.info("outside")
        if by_worker:
            with working(squidie):
                eventually(lambda: squidie.inspect_run(run).terminal)
        else:
            eventually(lambda: squidie.drain() == 0 and squidie.inspect_run(run).terminal)
        assert [
            line for line, record in zip(kept.lines, kept.records, strict=True) if record.name == host_log.name
        ] == [
            "None None None None outside",
            f"{run.id} speaking first 1 from first",
            f"{run.id} speaking second 1 from second",
            f"{run.id} speaking second 2 from second",
            f"{run.id} speaking third 1 from a task of third",
            f"{run.id} speaking third 1 from a task of third",
        ]

    def test_what_a_record_says_itself_stays(self) -> None:
        record = logging.makeLogRecord({"run_id": "another", "msg": "x"})
        assert RunContext().filter(record)
        assert vars(record)["run_id"] == "another"
        assert vars(record)["workflow"] is None

    def test_importing_installs_a_null_handler_and_nothing_else(self) -> None:
        program = (
            "import logging; from squidie_core import Squidie; "
            "print([type(h).__name__ for h in logging.getLogger('squidie').handlers], logging.getLogger().handlers)"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert done.stdout == "['NullHandler'] []\n"


class TestFailures:
    def test_a_final_failure_is_an_error_once(self, store: Store, kept: Kept) -> None:
        squidie = store.open(Failing)
        run = squidie.start(Failing.begin)
        squidie.drain()
        (record,) = [record for record in kept.records if record.levelno >= logging.WARNING]
        assert (record.name, record.levelname) == ("squidie.steps", "ERROR")
        assert vars(record)["run_id"] == run.id
        assert (vars(record)["workflow"], vars(record)["step"], vars(record)["attempt"]) == ("failing", "act", 1)
        assert "ConnectionError" in record.getMessage()

    def test_one_that_is_tried_again_is_none(self, store: Store, kept: Kept) -> None:
        squidie = store.open(Retrying)
        squidie.start(Retrying.begin)
        squidie.drain()
        (record,) = kept.of("squidie.steps")
        assert record.levelname == "INFO"
        assert record.getMessage().endswith("it will be tried again")

    def test_their_messages_stay_in_the_journal(self, store: Store, kept: Kept) -> None:
        squidie = store.open(Failing)
        squidie.start(Failing.begin)
        squidie.drain()
        assert not [line for line in kept.lines if "precious" in line or "hunter2" in line]

    def test_a_run_that_fails_without_a_bodys_failure_is_an_error_too(self, memory: Store, kept: Kept) -> None:
        stage = Stage()
        squidie = memory.open(Unlucky, resources=on(stage))
        run = squidie.start(Unlucky.begin)
        squidie.drain()
        (record,) = [record for record in kept.records if record.levelno >= logging.ERROR]
        assert record.getMessage() == f"run {run.id} failed: no_matching_transition"
        assert vars(record)["run_id"] == run.id


class TestLostClaims:
    def test_are_warnings_once(self, store: Store, kept: Kept) -> None:
        stage = Stage()
        squidie = store.open(Held, resources=on(stage))
        run = squidie.start(Held.begin)
        with working(squidie):
            eventually(lambda: stage.calls)
            squidie.cancel(run)
            eventually(lambda: stage.calls[0].cancelled)
            stage.opened.set()
            eventually(lambda: squidie.metrics().bodies_in_flight == 0)
        (record,) = [record for record in kept.records if record.levelno >= logging.WARNING]
        assert (record.name, record.levelname) == ("squidie.engine", "WARNING")
        assert [vars(record)[name] for name in ("run_id", "workflow", "step", "attempt")] == [
            run.id,
            "held",
            "enter",
            1,
        ]

    def test_an_undisturbed_run_warns_of_nothing(self, store: Store, kept: Kept) -> None:
        squidie = store.open(Chain, resources=on(Stage()))
        run = squidie.start(Chain.begin)
        with working(squidie):
            eventually(lambda: squidie.inspect_run(run).terminal)
        assert not [record for record in kept.records if record.levelno >= logging.WARNING]


class TestJson:
    def test_is_one_line_with_what_is_known(self) -> None:
        record = logging.makeLogRecord(
            {
                "name": "shop",
                "levelname": "INFO",
                "created": 0.5,
                "msg": "sold %d",
                "args": (3,),
                "run_id": "r",
                "step": None,
            }
        )
        line = JsonFormatter().format(record)
        assert "\n" not in line
        assert json.loads(line) == {
            "at": "1970-01-01T00:00:00.500+00:00",
            "level": "INFO",
            "logger": "shop",
            "message": "sold 3",
            "run_id": "r",
        }

    def test_knows_the_run_by_itself(self, memory: Store, kept: Kept) -> None:
        kept.setFormatter(JsonFormatter())
        kept.filters.clear()
        squidie = memory.open(Speaking)
        run = squidie.start(Speaking.begin)
        squidie.execute_next()
        line = json.loads(kept.lines[0])
        assert [line[name] for name in ("run_id", "workflow", "step", "attempt")] == [run.id, "speaking", "first", 1]

    def test_hides_passwords_of_urls_in_messages_and_tracebacks(self) -> None:
        address = "postgresql://app:hunter2@host/db"
        error = ConnectionError(f"{address} is away")
        record = logging.makeLogRecord({"msg": "no %s", "args": (address,), "exc_info": (ConnectionError, error, None)})
        line = JsonFormatter().format(record)
        assert "hunter2" not in line
        assert json.loads(line)["message"] == "no postgresql://[REDACTED]@host/db"
        assert "ConnectionError: postgresql://[REDACTED]@host/db is away" in json.loads(line)["error"]
