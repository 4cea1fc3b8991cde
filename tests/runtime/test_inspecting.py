"""What snapshots and lists show."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from squidie_core import OptionError, Workflow, step, trigger
from tests.runtime.flows import Chain, Held, OneStep, Order, Stage, on
from tests.runtime.stores import Store, working
from tests.runtime.waiting import eventually

SECRET = "s3cr3t value"


class Sleeping(Workflow, name="sleeping"):
    begin = trigger.manual()
    sleep = step.wait(timedelta(hours=1))


class TestSnapshots:
    def test_one_says_where_the_run_is_and_never_changes(self, store: Store) -> None:
        squidie = store.open(OneStep)
        run = squidie.start(OneStep.place, Order("o-1"))
        done = squidie.execute_next()
        assert done is not None
        assert (run.status, run.ended_at, run.terminal) == ("running", None, False)
        assert (done.status, done.terminal, done.reason) == ("completed", True, "terminal")
        assert done.ended_at is not None
        assert done.started_at == run.started_at <= done.ended_at
        assert done.rev > run.rev
        with pytest.raises(AttributeError):
            run.status = "completed"  # type: ignore[misc]

    def test_work_that_is_held_is_said_to_be(self, store: Store) -> None:
        stage = Stage()
        squidie = store.open(Held, resources=on(stage))
        run = squidie.start(Held.begin)
        with working(squidie, owner_id="w1"):
            eventually(lambda: stage.calls)
            held = squidie.inspect_run(run)
            stage.opened.set()
        assert held.reason == "attempt_claimed"
        assert held.waiting_for is not None
        view = held.attempts[0]
        assert (view.owner_id, view.status, view.deliveries) == ("w1", "claimed", 1)
        assert (held.waiting_for.kind, held.waiting_for.until) == ("attempt", view.lease_until)

    def test_a_wait_says_until_when(self, memory: Store) -> None:
        squidie = memory.open(Sleeping)
        run = squidie.start(Sleeping.begin)
        assert run.reason == "attempt_scheduled_for_later"
        assert run.waiting_for is not None
        assert run.waiting_for.until == run.started_at + timedelta(hours=1)

    def test_history_is_every_entry_where_it_is_asked_for(self, store: Store) -> None:
        squidie = store.open(OneStep)
        run = squidie.start(OneStep.place, Order("o-1"))
        squidie.drain()
        assert squidie.inspect_run(run).history is None
        found = squidie.inspect_run(run, include_history=True)
        assert found.history is not None
        assert [entry["rev"] for entry in found.history] == list(range(1, found.rev + 1))
        assert [entry["type"] for entry in found.history] == [
            "run_signal_received",
            "run_started",
            "runnables_planned",
            "attempt_claimed",
            "attempt_completed",
            "runnable_applied",
            "run_terminal",
        ]

    def test_one_as_plain_json_says_the_same(self, store: Store) -> None:
        squidie = store.open(OneStep)
        run = squidie.start(OneStep.place, Order("o-1"), tags=("vip",))
        squidie.drain()
        plain = json.loads(json.dumps(squidie.inspect_run(run, include_history=True).to_dict()))
        assert (plain["id"], plain["status"], plain["tags"]) == (run.id, "completed", ["vip"])
        assert plain["attempts"][0]["step"] == "note"
        assert plain["started_at"].endswith("Z")
        assert len(plain["history"]) == plain["rev"]

    def test_values_do_not_show_in_a_representation(self, memory: Store) -> None:
        squidie = memory.open(OneStep)
        run = squidie.start(OneStep.place, Order(SECRET))
        squidie.drain()
        assert SECRET not in repr(run) + repr(squidie.inspect_run(run)) + repr(squidie)


class TestLists:
    def test_runs_are_listed_newest_first_page_by_page(self, store: Store) -> None:
        squidie = store.open(OneStep)
        started = [squidie.start(OneStep.place, Order(str(number))).id for number in range(7)]
        pages = [squidie.list_runs(limit=3)]
        while pages[-1].next_cursor is not None:
            pages.append(squidie.list_runs(limit=3, cursor=pages[-1].next_cursor))
        assert [len(page.runs) for page in pages] == [3, 3, 1]
        assert [run.id for page in pages for run in page.runs] == sorted(started, reverse=True)

    def test_a_page_stays_where_it_is_while_runs_start_and_end(self, store: Store) -> None:
        squidie = store.open(OneStep)
        started = [squidie.start(OneStep.place, Order(str(number))).id for number in range(4)]
        first = squidie.list_runs(limit=2)
        # Those of one millisecond are in the order of their ids.
        newest = squidie.list_runs(limit=1).runs[0].started_at.timestamp() * 1000
        eventually(lambda: squidie.store.storage.clock() > newest + 1)
        squidie.start(OneStep.place, Order("new"))
        squidie.drain()
        rest = squidie.list_runs(limit=10, cursor=first.next_cursor)
        assert [run.id for page in (first, rest) for run in page.runs] == sorted(started, reverse=True)

    def test_filters_say_which(self, store: Store) -> None:
        squidie = store.open(OneStep, Chain, Sleeping, resources=on(Stage()))
        one = squidie.start(OneStep.place, Order("o"), tags=("a", "b")).id
        chain = squidie.start(Chain.begin, tags=("b",), queue="slow").id
        sleeping = squidie.start(Sleeping.begin, priority=7).id
        squidie.execute_next()

        def listed(**filters: Any) -> set[str]:
            return {run.id for run in squidie.list_runs(**filters).runs}

        assert listed() == {one, chain, sleeping}
        assert listed(workflow=OneStep) == listed(workflow="one-step") == {one}
        assert listed(status="completed") == {one}
        assert listed(status="running") == {chain, sleeping}
        assert listed(queue="slow") == {chain}
        assert listed(tag="b") == {one, chain}
        assert listed(tag="b", status="running", workflow=Chain, queue="slow") == {chain}
        assert listed(tag="nobody", status="running") == set()
        assert listed(quarantined=True) == set()
        assert listed(quarantined=False) == {one, chain, sleeping}
        found = {run.id: run for run in squidie.list_runs().runs}
        assert (found[one].workflow, found[one].version, found[one].tags) == ("one-step", "1", ("a", "b"))
        assert found[one].ended_at is not None
        assert (found[one].next_at, found[sleeping].priority) == (None, 7)
        assert found[sleeping].next_at == found[sleeping].started_at + timedelta(hours=1)
        json.dumps(found[one].to_dict())

    @pytest.mark.parametrize(
        "filters",
        [
            {"status": "done"},
            {"queue": SECRET},
            {"tag": SECRET},
            {"limit": 0},
            {"limit": 1001},
            {"limit": "7"},
            {"cursor": SECRET},
            {"cursor": ""},
            {"cursor": 7},
        ],
        ids=repr,
    )
    def test_a_filter_that_cannot_be_is_refused_without_being_echoed(
        self, store: Store, filters: dict[str, Any]
    ) -> None:
        squidie = store.open(OneStep)
        with pytest.raises(OptionError) as refused:
            squidie.list_runs(**filters)
        assert SECRET not in str(refused.value)
