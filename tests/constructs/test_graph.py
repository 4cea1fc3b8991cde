"""A run as nodes and edges."""

from __future__ import annotations

import json

import pytest

from squidie_core import Defer, FailStep, Retry, RetryStep, RunGraph, Workflow, end, step, trigger, where
from tests.runtime.stores import Store


def look(path: str) -> dict[str, str]:
    return {"path": path}


def climb(path: str) -> None:
    if path == "blocked":
        raise FailStep("snow", code="snow")


def march() -> None:
    raise RetryStep("tired")


def ambush() -> Defer:
    return Defer("not dark yet", after=60)


def win() -> None:
    """Nobody comes here."""


class Road(Workflow, name="road"):
    begin = trigger.manual(path=str)
    scout = step(look, irreversible=True)
    climb = step(climb, compensatable=False)
    mines = step(look)
    rest = step.pause()
    transitions = (
        scout.ok.to(mines, when=where("path").equals("mines")),
        scout.ok.to(climb),
        climb.ok.to(end),
        climb.error.to(mines, recovery="undo"),
        mines.ok.to(rest),
        rest.ok.to(end),
    )


class Attack(Workflow, name="attack"):
    begin = trigger.manual()
    march = step(march, retry=Retry(2, None))
    ambush = step(ambush)
    wait = step.wait(3600)
    win = step(win, after=[march, ambush, wait])


def drawn(store: Store, path: str) -> RunGraph:
    squidie = store.open(Road)
    run = squidie.start(Road, {"path": path})
    squidie.drain()
    return squidie.inspect_run_graph(run)


class TestTransitions:
    def test_the_way_that_was_taken_is_selected_and_the_others_are_not(self, store: Store) -> None:
        graph = drawn(store, "pass")
        assert (graph.status, graph.current_node_ids) == ("completed", ())
        assert [(node.id, node.status) for node in graph.nodes] == [
            ("scout", "completed"),
            ("climb", "completed"),
            ("mines", "waiting"),
            ("rest", "waiting"),
        ]
        assert {edge.id: edge.status for edge in graph.edges} == {
            "scout:ok:mines:condition:0": "skipped",
            "scout:ok:climb": "selected",
            "climb:ok:__complete__": "selected",
            "climb:error:mines": "skipped",
            "mines:ok:rest": "pending",
            "rest:ok:__complete__": "pending",
        }
        assert json.loads(json.dumps(graph.to_dict())) == graph.to_dict()

    def test_an_error_route_shows_its_marker(self, memory: Store) -> None:
        graph = drawn(memory, "blocked")
        assert graph.current_node_ids == ("rest",)
        assert [node.status for node in graph.nodes] == ["completed", "failed", "completed", "paused"]
        (run,) = memory.open(Road).list_runs().runs
        snapshot = memory.open(Road).inspect_run(run.id, include_history=True)
        assert {view.step: view.recovery for view in snapshot.attempts if view.recovery} == {"climb": "undo"}
        assert snapshot.history is not None
        decisions = [entry["decision"] for entry in snapshot.history if entry.get("decision")]
        assert [decision["recovery"] for decision in decisions if "recovery" in decision] == ["undo"]
        route = graph.edge("climb:error:mines")
        assert (route.status, route.taken, route.on, route.recovery) == ("selected", 1, "error", "undo")
        decision = graph.node("climb").transition
        assert decision is not None
        assert (decision.target, decision.recovery) == ("mines", "undo")

    def test_what_may_be_done_about_a_step_stands_at_its_node(self, memory: Store) -> None:
        graph = drawn(memory, "pass")
        policies = [node.recovery for node in graph.nodes]
        assert [policy and policy.replay for policy in policies] == [
            "manual_review_required",
            "manual_review_required",
            "allowed",
            "allowed",
        ]

    def test_a_loop_says_how_often(self, memory: Store) -> None:
        def count(rounds: int = 0) -> dict[str, int]:
            return {"rounds": rounds + 1}

        class Round(Workflow, name="round"):
            begin = trigger.manual()
            turn = step(count)
            transitions = (
                turn.ok.to(turn, when=where("rounds").less_than(3), max_visits=5),
                turn.ok.to(end),
            )

        squidie = memory.open(Round)
        run = squidie.start(Round.begin)
        squidie.drain()
        graph = squidie.inspect_run_graph(run)
        assert graph.node("turn").visits == 3
        assert [(edge.status, edge.taken, edge.max_visits) for edge in graph.edges] == [
            ("selected", 2, 5),
            ("selected", 1, None),
        ]


class TestDependencies:
    def test_nodes_say_what_becomes_of_them(self, store: Store) -> None:
        squidie = store.open(Attack)
        run = squidie.start(Attack.begin)
        assert {node.status for node in squidie.inspect_run_graph(run).nodes} == {"pending", "waiting"}
        squidie.drain(limit=2)
        graph = squidie.inspect_run_graph(run)
        assert {node.id: node.status for node in graph.nodes} == {
            "march": "retrying",
            "ambush": "deferred",
            "wait": "pending",
            "win": "waiting",
        }
        assert set(graph.current_node_ids) == {"march", "ambush", "wait"}
        squidie.drain()
        graph = squidie.inspect_run_graph(run)
        assert {node.id: node.status for node in graph.nodes} == {
            "march": "failed",
            "ambush": "cancelled",
            "wait": "cancelled",
            "win": "waiting",
        }
        assert {edge.id: edge.status for edge in graph.edges} == {
            "march:dependency:win": "blocked",
            "ambush:dependency:win": "pending",
            "wait:dependency:win": "pending",
        }
        assert graph.current_node_ids == ()


class TestDetails:
    def test_what_went_through_the_nodes_is_there_where_it_is_asked_for(self, store: Store) -> None:
        squidie = store.open(Road)
        run = squidie.start(Road, {"path": "blocked"})
        squidie.drain()
        plain = squidie.inspect_run_graph(run).node("climb")
        assert (plain.input, plain.output, plain.error, plain.attempts) == (None, None, None, ())
        node = squidie.inspect_run_graph(run, include_history=True).node("climb")
        assert node.input == {"path": "blocked"}
        assert node.error is not None
        assert node.error["code"] == "snow"
        assert [(view.attempt, view.status) for view in node.attempts] == [(1, "applied")]

    def test_a_run_whose_definition_is_lost_shows_what_it_came_to(self, store: Store) -> None:
        run = store.open(Road).start(Road, {"path": "pass"})
        store.forget_definitions()
        graph = store.open().inspect_run_graph(run)
        assert [(node.id, node.status) for node in graph.nodes] == [("scout", "pending")]
        assert graph.edges == ()

    def test_an_unknown_id_is_told(self, memory: Store) -> None:
        graph = drawn(memory, "pass")
        for find in (graph.node, graph.edge):
            with pytest.raises(KeyError):
                find("nowhere")


class TestMermaid:
    def test_it_is_a_flowchart(self, memory: Store) -> None:
        text = drawn(memory, "blocked").to_mermaid()
        assert text.splitlines()[:3] == [
            "flowchart TD",
            '    n0["scout<br/>completed"]:::completed',
            '    n1["climb<br/>failed"]:::failed',
        ]
        assert '    n1 ==>|"error, undo"| n2' in text
        assert '    n0 -->|"ok, path equals mines"| n2' in text

    def test_what_could_break_out_is_quoted(self, memory: Store) -> None:
        class Odd(Workflow, name="odd"):
            begin = trigger.manual(path=str)
            first = step(look)
            transitions = (first.ok.to(end, when=where("path").equals('"]<b>')), first.ok.to(end))

        squidie = memory.open(Odd)
        text = squidie.inspect_run_graph(squidie.start(Odd, {"path": "x"})).to_mermaid()
        assert "path equals &quot;]&lt;b&gt;" in text
