from __future__ import annotations

import json

from squidie_core import Snapshot, Squidie, StepContext, Workflow, sequence, step, trigger
from squidie_core.cli.demo_workflow import Errand, RingErrand
from tests.cli.command import Command, Inside


def choose(ctx: StepContext) -> None:
    ctx.start_child(RingErrand.leave_shire, Errand("one"), child_key="frodo")


class Fellowship(Workflow, name="fellowship"):
    council = trigger.manual()
    choose = step(choose)
    wait = step.pause()
    transitions = sequence(choose, wait)


class TestRuns:
    def test_lists_what_there_is(self, squidie: Command, url: str, paused: Snapshot) -> None:
        done = squidie("runs", "--url", url)
        assert (done.code, done.err) == (0, "")
        heads, row = done.out.splitlines()
        assert heads.split()[:4] == ["RUN", "WORKFLOW", "STATUS", "QUEUE"]
        assert row.split()[:4] == [paused.id, "ring-errand", "paused", "default"]
        assert row.endswith("shire")

    def test_gives_programs_the_same(self, squidie: Command, url: str, host: Squidie, paused: Snapshot) -> None:
        document = squidie("runs", "--json", SQUIDIE_URL=url).document
        assert document == {"runs": [run.to_dict() for run in host.list_runs().runs], "next_cursor": None}
        assert [run["id"] for run in document["runs"]] == [paused.id]

    def test_filters(self, inside: Inside, url: str, paused: Snapshot) -> None:
        def found(*filters: str) -> list[str]:
            document = inside("runs", "--json", "--url", url, *filters).document
            return [run["id"] for run in document["runs"]]

        for yes in (
            ("--status", "paused"),
            ("--workflow", "ring-errand"),
            ("--queue", "default"),
            ("--tag", "shire"),
            ("--no-quarantined",),
        ):
            assert found(*yes) == [paused.id]
        for no in (
            ("--status", "failed"),
            ("--workflow", "other"),
            ("--queue", "other"),
            ("--tag", "mordor"),
            ("--quarantined",),
            ("--namespace", "other"),
        ):
            assert found(*no) == []

    def test_pages(self, inside: Inside, url: str, host: Squidie) -> None:
        started = [host.start(RingErrand.leave_shire, Errand(str(number))).id for number in range(3)]
        first = inside("runs", "--url", url, "--limit", "2", "--json").document
        second = inside("runs", "--url", url, "--cursor", first["next_cursor"], "--json").document
        assert {run["id"] for run in first["runs"] + second["runs"]} == set(started)
        assert second["next_cursor"] is None
        assert f"--cursor {first['next_cursor']}" in inside("runs", "--url", url, "--limit", "2").out

    def test_says_so_where_there_is_nothing(self, inside: Inside) -> None:
        assert inside("runs", "--url", "memory://").out == "no runs\n"

    def test_the_queue_that_is_set_is_no_filter(self, inside: Inside, url: str, paused: Snapshot) -> None:
        document = inside("runs", "--url", url, "--json", SQUIDIE_QUEUE="other").document
        assert [run["id"] for run in document["runs"]] == [paused.id]


class TestInspect:
    def test_shows_where_a_run_is_and_why(self, squidie: Command, url: str, paused: Snapshot) -> None:
        done = squidie("inspect", paused.id, "--url", url)
        assert (done.code, done.err) == (0, "")
        for part in ("paused", "manual_intervention_required", "pause, step hide", "pack", "applied"):
            assert part in done.out
        assert "ring-errand 2026-11-21 started by" not in done.out

    def test_tells_the_journal_when_asked(self, inside: Inside, url: str, paused: Snapshot) -> None:
        done = inside("inspect", paused.id, "--history", "--url", url)
        assert "ring-errand 2026-11-21 started by leave_shire in queue default" in done.out
        assert "the run waits at pause hide" in done.out

    def test_gives_programs_the_snapshot(self, squidie: Command, url: str, host: Squidie, paused: Snapshot) -> None:
        given = squidie("inspect", paused.id, "--history", "--url", url, "--json").document
        assert given == json.loads(json.dumps(host.inspect_run(paused, include_history=True).to_dict()))
        assert len(given["history"]) == given["rev"]


class TestDeciding:
    def test_resumes_and_approves_without_the_application(self, squidie: Command, url: str, paused: Snapshot) -> None:
        resumed = squidie("resume", paused.id, "--actor", "gandalf", "--url", url)
        assert resumed.code == 0
        assert "approval, step council" in resumed.out
        arguments = ("--actor", "elrond", "--comment", "go", "--metadata", '{"ring": 1}', "--url", url, "--json")
        approved = squidie("approve", paused.id, *arguments).document
        assert approved["status"] == "running"
        council = approved["context"]["council"]
        assert {name: council[name] for name in ("decision", "actor", "comment", "metadata")} == {
            "decision": "approved",
            "actor": "elrond",
            "comment": "go",
            "metadata": {"ring": 1},
        }

    def test_rejects(self, squidie: Command, url: str, asked: Snapshot) -> None:
        document = squidie("reject", asked.id, "--actor", "elrond", "--url", url, "--json").document
        assert (document["status"], document["context"]["council"]["decision"]) == ("completed", "rejected")

    def test_cancels(self, squidie: Command, url: str, paused: Snapshot) -> None:
        document = squidie("cancel", paused.id, "--actor", "sauron", "--url", url, "--json").document
        assert document["status"] == "cancelled"

    def test_a_decision_with_a_key_takes_effect_once(self, inside: Inside, url: str, paused: Snapshot) -> None:
        arguments = ("cancel", paused.id, "--actor", "a", "--idempotency-key", "k", "--url", url, "--json")
        assert inside(*arguments).document == inside(*arguments).document

    def test_cancels_the_children_too_where_that_is_wanted(self, inside: Inside, url: str) -> None:
        with Squidie(url, workflows=[Fellowship, RingErrand]) as host:
            parent = host.start(Fellowship.council)
            host.drain(limit=1)
            (child,) = host.inspect_run(parent).children
            shown = inside("inspect", parent.id, "--url", url).out
            assert " ".join(shown.splitlines()[-1].split()) == f"{child.id} ring-errand choose frodo -"
            assert f"parent {parent.id}, step choose" in " ".join(inside("inspect", child.id, "--url", url).out.split())
            arguments = ("cancel", parent.id, "--actor", "a", "--url", url)
            assert inside(*arguments).code == 0
            assert host.inspect_run(child.id).status == "running"
            assert inside(*arguments, "--children").code == 0
            assert host.inspect_run(child.id).status == "cancelled"

    def test_replays_without_the_application(self, squidie: Command, inside: Inside, url: str, host: Squidie) -> None:
        tossed = host.start(RingErrand.leave_shire, Errand("one"))
        host.drain()
        host.approve(host.resume(tossed), actor="elrond")
        host.drain()
        assert host.inspect_run(tossed).status == "completed"
        arguments = ("replay", tossed.id, "--actor", "sauron", "--url", url, "--queue", "mordor", "--json")
        unsafe = squidie(*arguments)
        assert (unsafe.code, unsafe.document["error"]["code"]) == (4, "unsafe_replay")
        again = squidie(*arguments, "--allow-irreversible", "--idempotency-key", "k", "--comment", "mine").document
        assert (again["replayed_from"], again["queue"], again["context"]["ring_id"]) == (tossed.id, "mordor", "one")
        assert again["commands"][0]["actor"] == "sauron"
        assert inside(*arguments, "--idempotency-key", "k").document["id"] == again["id"]
        named = "01a3185c-5000-7000-8000-000000000001"
        shown = " ".join(inside(*arguments[:-1], "--allow-irreversible", "--run-id", named).out.split())
        assert shown.startswith(f"run {named} workflow")
        assert f"replay of {tossed.id}" in shown

    def test_says_why_it_cannot_be(self, squidie: Command, url: str, paused: Snapshot) -> None:
        done = squidie("approve", paused.id, "--actor", "elrond", "--url", url)
        assert (done.code, done.out) == (4, "")
        assert "use resume" in done.err
        assert squidie("cancel", paused.id, "--actor", "a", "--url", url).code == 0
        assert squidie("cancel", paused.id, "--actor", "a", "--url", url).code == 4

    def test_wants_to_know_who_decides(self, inside: Inside, url: str, paused: Snapshot) -> None:
        for command in ("approve", "reject", "resume", "cancel", "replay"):
            done = inside(command, paused.id, "--url", url)
            assert done.code == 2
            assert "--actor" in done.err
