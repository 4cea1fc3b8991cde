from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from squidie_core import (
    Backoff,
    Defer,
    Retry,
    RetryStep,
    Snapshot,
    Squidie,
    StepContext,
    Workflow,
    end,
    sequence,
    step,
    trigger,
)
from squidie_core.cli.inspecting import snapshot_lines
from squidie_core.cli.output import Output, printable
from squidie_core.cli.rendering import record, table
from squidie_core.cli.words import WORDS, in_words
from squidie_core.journal.entries import ENTRY_CLASSES


class TestTable:
    def test_columns_are_as_wide_as_they_need_to_be(self) -> None:
        assert table(("run", "status"), [("a", "completed"), ("longer", None)]) == [
            "RUN     STATUS",
            "a       completed",
            "longer  -",
        ]

    def test_a_record_leaves_out_what_has_no_value(self) -> None:
        at = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
        assert record([("run", "a"), ("ended", None), ("tags", ()), ("started", at)]) == [
            "run      a",
            "started  2026-11-21 09:30:00Z",
        ]

    def test_an_empty_table_has_its_heads(self) -> None:
        assert table(("run",), []) == ["RUN"]


class TestOutput:
    def test_prints_one_document_for_programs(self) -> None:
        stream = io.StringIO()
        out = Output(as_json=True, stream=stream)
        out.say("working")
        out.show({"runs": []}, ["no runs"])
        assert json.loads(stream.getvalue()) == {"runs": []}

    def test_prints_lines_for_people(self) -> None:
        stream = io.StringIO()
        out = Output(as_json=False, stream=stream)
        out.say("working")
        out.show({"runs": []}, ["no runs"])
        assert stream.getvalue() == "working\nno runs\n"

    @pytest.mark.parametrize(
        ("given", "shown"),
        [("\x1b[2Jgone", "\\x1b[2Jgone"), ("a\nb", "a\\nb"), ("naïve ☕", "naïve ☕"), ("\u202e", "\\u202e")],
    )
    def test_lets_no_text_of_a_run_command_the_terminal(self, given: str, shown: str) -> None:
        assert printable(given) == shown


def _work(ctx: StepContext) -> Defer | None:
    if ctx.attempt == 1:
        raise RetryStep("no luck yet", after=0)
    return Defer("the shop is closed", after=0) if not ctx.runnable_key.endswith(":deferred") else None


class Errands(Workflow, name="errands"):
    go = trigger.manual()
    work = step(_work, retry=Retry(2, Backoff(min=0, max=0)))
    nap = step.wait(0.001)
    ask = step.approval()
    transitions = (*sequence(work, nap, ask), ask.ok.to(end), ask.error.to(end))


class Doomed(Workflow, name="doomed"):
    go = trigger.manual()
    fall = step(lambda: 1 / 0)


@pytest.fixture(scope="module")
def asked() -> Iterator[Snapshot]:
    """A run that was retried, deferred, made to wait, and approved."""
    with Squidie("memory://", workflows=[Errands]) as squidie:
        run = squidie.start(Errands.go)
        while squidie.inspect_run(run).status != "paused":
            squidie.drain(owner_id="w1")
        squidie.approve(run, actor="ada", comment="fine")
        yield squidie.inspect_run(run, include_history=True)


class TestWords:
    def test_every_kind_of_fact_has_words(self) -> None:
        assert set(WORDS) == {cls.TYPE for cls in ENTRY_CLASSES}

    def test_a_kind_of_fact_without_words_is_named(self) -> None:
        assert in_words({"type": "something_new", "at": "", "rev": 1}) == "something new"

    def test_tell_the_story_of_a_run(self, asked: Snapshot) -> None:
        assert asked.history is not None
        story = "\n".join(in_words(fact) for fact in asked.history)
        for part in (
            "errands started by go in queue default",
            "planned work",
            "w1 claimed work until 2",
            "work failed, step_error: no luck yet; will be tried again",
            "work (attempt 2) goes on later",
            "work (attempt 2, continued) took effect, ok leads to nap",
            "planned nap for 2",
            "the run waits at approval ask",
            "command approve run by ada: fine",
            "ask was approved",
            "the run ended: completed",
        ):
            assert part in story

    def test_tell_of_things_that_went_otherwise(self) -> None:
        key = "id:cross#2:1"
        assert in_words({"type": "attempt_released", "runnable_key": key}) == "cross (visit 2) was given back unbegun"
        heartbeat = {"type": "attempt_heartbeat", "claims": {key: "c", "id:eagle:1": "c"}, "lease_until": 0}
        assert in_words(heartbeat) == "heartbeat: cross (visit 2), eagle held until 1970-01-01 00:00:00.000Z"
        for deferred, words in (("", ""), (":deferred", " (continued)"), (":deferred#12", " (continued 12x)")):
            released = {"type": "attempt_released", "runnable_key": f"id:deferred:1{deferred}"}
            assert in_words(released) == f"deferred{words} was given back unbegun"
        assert in_words({"type": "run_terminal", "status": "cancelled"}) == "the run ended: cancelled"


class TestInspection:
    def test_shows_status_attempts_and_journal(self, asked: Snapshot) -> None:
        lines = "\n".join(snapshot_lines(asked))
        for part in (
            "status    completed",
            "reason    terminal",
            "work (attempt 2, continued)",
            "STEP",
            "the run ended",
        ):
            assert part in lines

    def test_shows_why_a_run_failed(self) -> None:
        with Squidie("memory://", workflows=[Doomed]) as squidie:
            run = squidie.start(Doomed.go)
            squidie.drain()
            lines = list(snapshot_lines(squidie.inspect_run(run)))
        assert any(line.startswith("error") and "division by zero" in line for line in lines)
        assert any(line.startswith("fall") and "division by zero" in line for line in lines)
