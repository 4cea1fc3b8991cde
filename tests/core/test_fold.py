"""What a run is, made from its entries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squidie_core.errors import Corrupt, UnknownVersion
from squidie_core.journal.codec import decode_entries, encode_entries
from squidie_core.journal.commit import NO_HEAD, Head, IndexRow, LoadedThread, StoredCommit
from squidie_core.journal.entries import (
    AttemptClaimed,
    AttemptCompleted,
    AttemptFailed,
    AttemptHeartbeat,
    AttemptReleased,
    Decision,
    Entry,
    ManualStepPaused,
    ManualStepResolved,
    Runnable,
    RunnableApplied,
    RunnablesPlanned,
    RunSignalReceived,
    RunStarted,
    RunTerminal,
)
from squidie_core.state import RunState, fold, fold_thread, index_row
from squidie_core.state.run import OVER
from tests.core.journal_values import QUICK, THOROUGH, entries
from tests.core.runs import visible

A = "r:a:1"
B = "r:b:1"
ON = Decision("a", "error", "b", 0)


def started(at: int = 1, **options: Any) -> RunStarted:
    given: dict[str, Any] = {
        "run_id": "r",
        "workflow": "w",
        "trigger": "t",
        "input": {"bearer": "frodo"},
        "definition": "0" * 64,
        "queue": "default",
        "priority": 5,
        "payload_digest": "1" * 64,
    }
    return RunStarted(at, **{**given, **options})


def planned(key: str = A, *, at: int = 2, visible_at: int = 2, **options: Any) -> RunnablesPlanned:
    return RunnablesPlanned(at, (Runnable(key, key.split(":")[1].split("#", maxsplit=1)[0], visible_at, **options),))


def claimed(key: str = A, claim_id: str = "c1", *, at: int = 3, until: int = 10) -> AttemptClaimed:
    return AttemptClaimed(at, key, claim_id, "w1", until)


def completed(result: Mapping[str, Any] | None = None, *, claim_id: str | None = "c1", at: int = 4) -> AttemptCompleted:
    return AttemptCompleted(at, A, claim_id, result or {})


def failed(claim_id: str | None = "c1", *, at: int = 4, retry_key: str | None = None) -> AttemptFailed:
    return AttemptFailed(at, A, claim_id, {"code": "x"}, retry_key)


def folded(*items: Entry) -> RunState:
    return fold(RunState("r"), items)


def anomalies(*items: Entry) -> list[tuple[str, str, int, str | None]]:
    return [(a.reason, a.entry_type, a.rev, a.runnable_key) for a in folded(*items).anomalies]


def running(*more: Entry) -> tuple[Entry, ...]:
    """A run with one runnable."""
    return (started(), planned(), *more)


def assert_changes_nothing(before: tuple[Entry, ...], entry: Entry, reason: str, key: str | None = A) -> None:
    """The entry breaks a rule: it is noted, and everything else stays."""
    state = folded(*before)
    untouched = visible(state)
    fold(state, [entry])
    (anomaly,) = state.anomalies[len(untouched["anomalies"]) :]
    assert (anomaly.reason, anomaly.entry_type, anomaly.rev) == (reason, entry.TYPE, len(before) + 1)
    assert anomaly.runnable_key == key
    assert anomaly.claim_id == getattr(entry, "claim_id", None)
    after = visible(state)
    assert after.pop("anomalies")[:-1] == untouched.pop("anomalies")
    assert after.pop("rev") == untouched.pop("rev") + 1
    assert max(untouched.pop("last_at"), entry.at) >= after.pop("last_at")
    assert after == untouched


class TestStart:
    def test_sets_what_the_run_is(self) -> None:
        state = folded(
            started(7, version="2", tags=("x",), context={"parent": {"run_id": "p"}}, priority=0, queue="slow")
        )
        assert (state.status, state.workflow, state.version, state.trigger) == ("running", "w", "2", "t")
        assert (state.queue, state.priority, state.tags, state.started_at) == ("slow", 0, ("x",), 7)
        assert state.input == {"bearer": "frodo"}
        assert (state.context, state.parent, state.schedule) == ({"bearer": "frodo"}, {"run_id": "p"}, None)
        assert not state.anomalies

    def test_is_preceded_by_its_receipt_and_by_nothing_else(self) -> None:
        receipt = RunSignalReceived(1, "start_run", {"trigger": "t"}, {"ip": "::1"}, "key", {"name": "sam"}, "go")
        state = folded(receipt, started())
        assert state.status == "running"
        (noted,) = state.receipts
        assert (noted.at, noted.signal, noted.idempotency_key, noted.comment) == (1, "start_run", "key", "go")
        assert (noted.actor, noted.payload, noted.metadata) == ({"name": "sam"}, {"trigger": "t"}, {"ip": "::1"})

    def test_happens_once(self) -> None:
        assert_changes_nothing((started(),), started(2, workflow="other"), "already_started", None)

    def test_while_a_gate_is_open_changes_nothing(self) -> None:
        gate = running(ManualStepPaused(3, A, "a", "pause"))
        assert_changes_nothing(gate, started(4), "already_started", None)

    @pytest.mark.parametrize(
        "entry",
        [
            planned(),
            claimed(),
            AttemptHeartbeat(1, {A: "c1"}, 5),
            AttemptReleased(1, A, "c1"),
            completed(),
            failed(),
            RunnableApplied(1, A),
            ManualStepPaused(1, A, "a", "pause"),
            ManualStepResolved(1, A, "a", "resumed", {}),
            RunTerminal(1, "cancelled"),
        ],
    )
    def test_must_come_before_everything_else(self, entry: Entry) -> None:
        assert_changes_nothing((), entry, "run_not_started", getattr(entry, "runnable_key", None))


class TestPlan:
    def test_makes_a_runnable_that_waits_for_a_worker(self) -> None:
        state = folded(started(), planned(visible_at=9, kind="log", input={"x": 1}, idempotency_key="k"))
        runnable = state.open[A]
        assert (runnable.status, runnable.kind, runnable.visible_at, runnable.planned_at) == ("available", "log", 9, 2)
        assert (runnable.attempt, runnable.visit, runnable.input, runnable.idempotency_key) == (1, 1, {"x": 1}, "k")
        assert state.visits == {"a": 1}

    def test_of_a_retry_keeps_the_input_and_the_idempotency_key_and_is_no_new_visit(self) -> None:
        first = planned(input={"x": 1}, idempotency_key="k")
        again = planned("r:a:2", at=5, visible_at=6, attempt=2, idempotency_key="k", previous=A)
        state = folded(started(), first, claimed(), failed(retry_key="r:a:2"), again)
        assert state.runnables["r:a:2"].input == {"x": 1}
        assert state.runnables["r:a:2"].idempotency_key == "k"
        assert state.visits == {"a": 1}
        assert list(state.open) == ["r:a:2"]

    def test_without_an_idempotency_key_takes_the_runnables_own(self) -> None:
        assert folded(*running()).runnables[A].idempotency_key == A

    def test_of_the_same_runnable_again_is_ignored(self) -> None:
        state = folded(*running(claimed(), planned(at=4)))
        assert not state.anomalies
        assert state.runnables[A].status == "claimed"

    @pytest.mark.parametrize("change", [{"visible_at": 3}, {"attempt": 2}])
    def test_of_the_same_key_with_another_intent_conflicts(self, change: dict[str, Any]) -> None:
        other = planned(A, **change)
        assert_changes_nothing(running(), other, "conflicting_runnable_intent")

    def test_of_the_same_key_for_another_step_conflicts(self) -> None:
        other = RunnablesPlanned(2, (Runnable(A, "b", 2),))
        assert_changes_nothing(running(), other, "conflicting_runnable_intent")

    def test_keeps_the_good_ones_beside_a_conflict(self) -> None:
        both = RunnablesPlanned(3, (Runnable(A, "b", 2), Runnable(B, "b", 2)))
        state = folded(*running(both))
        assert list(state.open) == [A, B]
        assert [a.reason for a in state.anomalies] == ["conflicting_runnable_intent"]


class TestClaim:
    def test_holds_the_runnable_until_the_lease_ends(self) -> None:
        runnable = folded(*running(claimed())).runnables[A]
        assert (runnable.status, runnable.claim_id, runnable.owner_id) == ("claimed", "c1", "w1")
        assert (runnable.lease_until, runnable.claimed_at, runnable.deliveries) == (10, 3, 1)

    def test_of_an_unknown_runnable_is_refused(self) -> None:
        assert_changes_nothing(running(), claimed(B), "unknown_runnable_intent", B)

    def test_before_its_time_is_refused(self) -> None:
        early = (started(), planned(visible_at=4))
        assert_changes_nothing(early, claimed(at=3), "attempt_not_visible")
        assert not anomalies(*early, claimed(at=4))

    def test_of_what_somebody_holds_is_refused_until_the_lease_is_over(self) -> None:
        held = running(claimed(until=10))
        assert_changes_nothing(held, claimed(claim_id="c2", at=9, until=20), "active_claim")
        runnable = folded(*held, claimed(claim_id="c2", at=10, until=20)).runnables[A]
        assert (runnable.claim_id, runnable.deliveries, runnable.lease_until) == ("c2", 2, 20)

    @pytest.mark.parametrize("end", [completed(), failed()])
    def test_of_what_is_over_is_refused(self, end: Entry) -> None:
        assert_changes_nothing(running(claimed(), end), claimed(claim_id="c2", at=50, until=60), "terminal_attempt")

    def test_of_an_open_gate_is_refused(self) -> None:
        gate = running(ManualStepPaused(3, A, "a", "pause"))
        assert_changes_nothing(gate, claimed(at=4), "terminal_attempt")


class TestHeartbeat:
    def test_moves_the_ends_of_the_leases_and_nothing_else(self) -> None:
        state = folded(*running(planned(B), claimed(), claimed(B), AttemptHeartbeat(5, {A: "c1", B: "c1"}, 30)))
        assert [runnable.lease_until for runnable in state.open.values()] == [30, 30]
        assert [runnable.deliveries for runnable in state.open.values()] == [1, 1]
        assert not state.anomalies

    @pytest.mark.parametrize(
        ("claims", "at", "reason"),
        [({B: "c1"}, 5, "unknown_runnable_intent"), ({A: "c2"}, 5, "stale_claim"), ({A: "c1"}, 10, "expired_claim")],
    )
    def test_of_a_claim_that_does_not_hold_is_refused(self, claims: dict[str, str], at: int, reason: str) -> None:
        (key,) = claims
        assert_changes_nothing(running(claimed(until=10)), AttemptHeartbeat(at, claims, 30), reason, key)

    def test_just_before_the_end_of_the_lease_is_in_time(self) -> None:
        assert not anomalies(*running(claimed(until=10), AttemptHeartbeat(9, {A: "c1"}, 30)))

    def test_of_what_nobody_holds_is_stale(self) -> None:
        assert_changes_nothing(running(), AttemptHeartbeat(3, {A: "c1"}, 30), "stale_claim")

    def test_renews_the_claims_that_hold_beside_one_that_does_not(self) -> None:
        state = folded(*running(planned(B), claimed(), claimed(B), AttemptHeartbeat(5, {A: "lost", B: "c1"}, 30)))
        assert [runnable.lease_until for runnable in state.open.values()] == [10, 30]
        assert [(a.reason, a.runnable_key) for a in state.anomalies] == [("stale_claim", A)]


class TestRelease:
    def test_makes_the_runnable_free_at_once(self) -> None:
        state = folded(*running(claimed(), AttemptReleased(4, A, "c1")))
        assert (state.open[A].status, state.open[A].claim_id, state.open[A].owner_id) == ("available", None, None)
        assert state.wake_at() == 2
        assert not anomalies(*running(claimed(), AttemptReleased(4, A, "c1"), claimed(claim_id="c2", at=4)))

    def test_does_not_count_as_a_delivery(self) -> None:
        rounds: list[Entry] = []
        for number in range(3):
            rounds += [claimed(claim_id=f"c{number}"), AttemptReleased(4, A, f"c{number}")]
        assert folded(*running(*rounds)).runnables[A].deliveries == 0
        assert folded(*running(*rounds, claimed(claim_id="c9"))).runnables[A].deliveries == 1

    def test_counts_where_it_says_so(self) -> None:
        state = folded(*running(claimed(), AttemptReleased(4, A, "c1", counts=True)))
        assert (state.runnables[A].status, state.runnables[A].deliveries) == ("available", 1)

    @pytest.mark.parametrize(
        ("entry", "reason"),
        [
            (AttemptReleased(5, B, "c1"), "unknown_runnable_intent"),
            (AttemptReleased(5, A, "c2"), "stale_claim"),
            (AttemptReleased(10, A, "c1"), "expired_claim"),
        ],
    )
    def test_by_a_claim_that_does_not_hold_is_refused(self, entry: AttemptReleased, reason: str) -> None:
        assert_changes_nothing(running(claimed(until=10)), entry, reason, entry.runnable_key)


class TestCompletion:
    def test_keeps_the_result_until_it_is_applied(self) -> None:
        state = folded(*running(claimed(), completed({"x": 1})))
        assert (state.open[A].status, state.open[A].result, state.open[A].ended_at) == ("completed", {"x": 1}, 4)
        assert state.context == {"bearer": "frodo"}

    def test_twice_with_the_same_result_is_ignored(self) -> None:
        assert not anomalies(*running(claimed(), completed({"x": 1}), completed({"x": 1}, at=50)))

    def test_twice_with_another_result_conflicts(self) -> None:
        twice = running(claimed(), completed({"x": 1}))
        assert_changes_nothing(twice, completed({"x": 2}), "conflicting_completion")
        assert_changes_nothing((*twice, RunnableApplied(4, A)), completed({"x": 2}), "conflicting_completion")

    def test_by_another_claim_is_stale(self) -> None:
        assert_changes_nothing(running(claimed()), completed(claim_id="c2"), "stale_claim")
        assert_changes_nothing(running(claimed(), completed()), completed(claim_id="c2"), "stale_claim")
        taken_over = running(claimed(until=4), claimed(claim_id="c2", at=4, until=20))
        assert_changes_nothing(taken_over, completed(at=5), "stale_claim")

    def test_after_the_end_of_the_lease_is_too_late_even_if_nobody_took_over(self) -> None:
        assert_changes_nothing(running(claimed(until=10)), completed(at=10), "expired_claim")
        assert not anomalies(*running(claimed(until=10), completed(at=9)))

    def test_of_an_unknown_runnable_is_refused(self) -> None:
        assert_changes_nothing((started(),), completed(), "unknown_runnable_intent")
        assert_changes_nothing((started(),), completed(claim_id=None), "unknown_runnable_intent")

    def test_by_the_runtime_needs_no_claim_but_a_runnable_that_nobody_holds(self) -> None:
        assert not anomalies(*running(completed(claim_id=None)))
        assert_changes_nothing(running(claimed(until=10)), completed(claim_id=None, at=9), "active_claim")
        assert_changes_nothing((started(), planned(visible_at=5)), completed(claim_id=None, at=4), "terminal_attempt")
        assert_changes_nothing(running(claimed(), failed()), completed(claim_id=None), "terminal_attempt")


class TestFailure:
    def test_closes_the_runnable(self) -> None:
        state = folded(*running(claimed(), failed(retry_key="r:a:2")))
        runnable = state.runnables[A]
        assert (runnable.status, runnable.error, runnable.retry_key) == ("failed", {"code": "x"}, "r:a:2")
        assert runnable.ended_at == 4
        assert not state.open

    def test_is_fenced_like_a_completion(self) -> None:
        assert_changes_nothing(running(claimed()), failed("c2"), "stale_claim")
        assert_changes_nothing(running(claimed(until=10)), failed(at=10), "expired_claim")
        assert_changes_nothing(running(claimed(), completed()), failed(), "stale_claim")
        assert_changes_nothing(running(claimed(), failed()), failed(), "stale_claim")
        assert_changes_nothing((started(),), failed(), "unknown_runnable_intent")

    def test_by_the_runtime_gives_up_what_nobody_holds_any_more(self) -> None:
        assert_changes_nothing(running(claimed(until=10)), failed(None, at=9), "active_claim")
        assert not anomalies(*running(claimed(until=10), failed(None, at=10)))


class TestApplication:
    def test_puts_the_result_into_the_context(self) -> None:
        state = folded(*running(claimed(), completed({"bearer": "sam", "x": 1}), RunnableApplied(5, A)))
        assert state.context == {"bearer": "sam", "x": 1}
        assert state.input == {"bearer": "frodo"}
        assert state.applied_steps == {"a"}
        assert (state.runnables[A].status, state.runnables[A].applied_at) == ("applied", 5)
        assert not state.open

    def test_counts_the_route_that_was_taken(self) -> None:
        applied = RunnableApplied(5, A, Decision("a", "ok", "b", 3))
        assert folded(*running(claimed(), completed(), applied)).routes_taken == {3: 1}

    def test_of_a_failure_needs_an_error_route(self) -> None:
        over = running(claimed(), failed())
        state = folded(*over, RunnableApplied(5, A, ON))
        assert state.routed_error == {"code": "x"}
        assert state.context == {"bearer": "frodo"}
        assert not state.applied_steps
        assert_changes_nothing(over, RunnableApplied(5, A), "result_not_completed")
        assert_changes_nothing(over, RunnableApplied(5, A, Decision("a", "ok", "b", 0)), "result_not_completed")

    @pytest.mark.parametrize("before", [(), (claimed(),), (claimed(), completed(), RunnableApplied(4, A))])
    def test_needs_a_result_and_happens_once(self, before: tuple[Entry, ...]) -> None:
        assert_changes_nothing(running(*before), RunnableApplied(5, A), "result_not_completed")

    def test_of_an_unknown_runnable_is_refused(self) -> None:
        assert_changes_nothing((started(),), RunnableApplied(5, A), "unknown_runnable_intent")

    def test_of_a_deferral_applies_neither_the_step_nor_its_result(self) -> None:
        state = folded(*running(claimed(), completed({"x": 1}), RunnableApplied(5, A, deferred="later")))
        assert not state.applied_steps
        assert state.context == {"bearer": "frodo"}
        assert state.runnables[A].deferred == "later"
        assert not state.open


class TestGate:
    paused = ManualStepPaused(3, A, "a", "approval")

    def test_pauses_the_run_until_it_is_resolved(self) -> None:
        state = folded(*running(self.paused))
        assert (state.status, state.open[A].status) == ("paused", "paused")
        assert state.gate is not None
        assert (state.gate.runnable_key, state.gate.kind, state.gate.paused_at) == (A, "approval", 3)
        fold(state, [ManualStepResolved(4, A, "a", "approved", {"decision": "approved"})])
        assert [state.status, state.gate] == ["running", None]
        assert (state.open[A].status, state.open[A].result) == ("completed", {"decision": "approved"})

    def test_opened_again_is_ignored(self) -> None:
        assert not anomalies(*running(self.paused, self.paused))

    def test_is_the_only_one(self) -> None:
        two = (*running(planned(B)), self.paused)
        assert_changes_nothing(two, ManualStepPaused(4, B, "b", "pause"), "active_manual_step", B)

    def test_of_a_runnable_that_is_held_or_over_is_refused(self) -> None:
        assert_changes_nothing(running(claimed()), self.paused, "terminal_attempt")
        assert_changes_nothing(running(claimed(), failed()), self.paused, "terminal_attempt")
        assert_changes_nothing((started(),), self.paused, "unknown_runnable_intent")

    def test_that_is_not_open_cannot_be_resolved(self) -> None:
        resolved = ManualStepResolved(4, A, "a", "approved", {})
        assert_changes_nothing(running(), resolved, "stale_manual_resolution")
        assert_changes_nothing(running(self.paused, resolved), resolved, "stale_manual_resolution")
        other = ManualStepResolved(4, B, "b", "approved", {})
        assert_changes_nothing(running(planned(B), self.paused), other, "stale_manual_resolution", B)


class TestEnd:
    over = (*running(claimed()), RunTerminal(5, "failed", {"code": "x"}))

    def test_is_kept(self) -> None:
        state = folded(*self.over)
        assert (state.status, state.error, state.ended_at, state.terminal) == ("failed", {"code": "x"}, 5, True)

    def test_closes_an_open_gate(self) -> None:
        state = folded(*running(ManualStepPaused(3, A, "a", "pause"), RunTerminal(4, "cancelled")))
        assert (state.status, state.gate) == ("cancelled", None)

    @pytest.mark.parametrize(
        "entry",
        [
            started(6),
            planned(B, at=6),
            claimed(at=20, until=30),
            AttemptHeartbeat(6, {A: "c1"}, 30),
            AttemptReleased(6, A, "c1"),
            completed({"x": 1}, at=6),
            failed(at=6),
            RunnableApplied(6, A),
            ManualStepPaused(6, A, "a", "pause"),
            ManualStepResolved(6, A, "a", "resumed", {}),
            RunTerminal(6, "completed"),
        ],
    )
    def test_is_changed_by_nothing(self, entry: Entry) -> None:
        assert_changes_nothing(self.over, entry, "terminal_run", getattr(entry, "runnable_key", None))

    def test_may_be_followed_by_receipts(self) -> None:
        state = folded(*self.over, RunSignalReceived(6, "cancel_run"))
        assert [receipt.signal for receipt in state.receipts] == ["cancel_run"]
        assert not state.anomalies


class TestWakeAt:
    def test_is_the_time_of_the_earliest_free_runnable(self) -> None:
        two = (started(), planned(visible_at=9), planned(B, visible_at=7))
        assert folded(*two).wake_at() == 7
        assert folded(*two, claimed(B, at=7, until=99)).wake_at() == 9

    def test_is_the_end_of_the_earliest_lease_where_nothing_is_free(self) -> None:
        both = running(planned(B), claimed(until=20), claimed(B, until=12))
        assert folded(*both).wake_at() == 12
        assert folded(*both, AttemptHeartbeat(5, {B: "c1"}, 30)).wake_at() == 20
        assert folded(*both, AttemptHeartbeat(5, {A: "c1", B: "c1"}, 8)).wake_at() == 8

    def test_of_a_lease_is_as_much_later_as_clocks_may_be_apart(self) -> None:
        state = folded(*running(planned(B), claimed(until=20), claimed(B, until=12)))
        assert state.wake_at(2_000) == 2_012
        assert [next(state.visible(at, 2_000), None) is None for at in (2_011, 2_012)] == [True, False]
        assert folded(*running(planned(B, visible_at=99), claimed(until=20))).wake_at(2_000) == 99

    def test_is_that_of_a_lease_which_ends_before_a_runnable_is_free(self) -> None:
        assert folded(*running(planned(B, visible_at=50), claimed(until=10))).wake_at() == 10

    def test_is_the_runnables_own_time_once_it_is_released(self) -> None:
        assert folded(*running(claimed(until=20), AttemptReleased(4, A, "c1"))).wake_at() == 2

    def test_is_that_of_the_new_lease_after_a_takeover(self) -> None:
        assert folded(*running(claimed(until=10), claimed(claim_id="c2", at=10, until=40))).wake_at() == 40

    def test_is_none_at_a_gate_and_at_the_end(self) -> None:
        assert folded(*running(ManualStepPaused(3, A, "a", "pause"))).wake_at() is None
        assert folded(*running(RunTerminal(3, "cancelled"))).wake_at() is None
        assert folded(*running(claimed(), RunTerminal(3, "cancelled"))).wake_at() is None
        assert folded(started()).wake_at() is None

    @given(items=st.lists(entries, max_size=30))
    @THOROUGH
    def test_is_what_a_look_at_every_runnable_says(self, items: list[Entry]) -> None:
        state = folded(started(), *items)
        times = [r.visible_at for r in state.open.values() if r.status == "available"]
        times += [r.lease_until for r in state.open.values() if r.status == "claimed"]
        expected = None if state.terminal else min(times, default=None)
        assert state.wake_at() == expected
        assert state.wake_at() == expected


class TestIndexRow:
    def test_says_what_the_run_is_and_when_to_look(self) -> None:
        first = started(version="2", tags=("x",), queue="slow", priority=3)
        assert index_row(folded(first, planned(visible_at=9))) == IndexRow(
            workflow="w",
            queue="slow",
            priority=3,
            status="running",
            started_at=1,
            wake_at=9,
            needs=("w:a",),
            version="2",
            tags=("x",),
            start_digest=f"t:{'1' * 64}",
        )
        over = index_row(folded(first, planned(), RunTerminal(8, "cancelled")))
        assert (over.status, over.wake_at, over.needs, over.ended_at) == ("cancelled", None, (), 8)

    def test_needs_the_steps_that_are_open_each_once(self) -> None:
        again = planned("r:a#2:1", visible_at=99, visit=2)
        assert index_row(folded(*running(planned(B), again, claimed()))).needs == ("w:a", "w:b")

    @pytest.mark.parametrize("kind", ["wait", "log", "pause", "approval"])
    def test_needs_only_the_workflow_for_steps_without_a_body(self, kind: str) -> None:
        assert index_row(folded(*running(planned(B, kind=kind)))).needs == ("w:*",)

    def test_needs_only_the_workflow_where_the_steps_are_many(self) -> None:
        eight = [planned(f"r:s{n}:1") for n in range(8)]
        assert len(index_row(folded(started(), *eight)).needs) == 8
        assert index_row(folded(started(), *eight, planned())).needs == ("w:*",)

    def test_needs_nothing_at_a_gate(self) -> None:
        assert index_row(folded(*running(ManualStepPaused(3, A, "a", "pause")))).needs == ()


def stored(rev: int, commit_id: int, previous: int, *items: Entry, count: int | None = None) -> StoredCommit:
    return StoredCommit(rev, len(items) if count is None else count, commit_id, previous, encode_entries(items))


CLAIM = '{"type":"attempt_claimed","at":3,"runnable_key":"r:a:1","claim_id":"c","owner_id":"w","lease_until":%s}'
TWO_CLAIMS = ",".join([CLAIM % '"x"', CLAIM % 9])


class TestThread:
    first = stored(1, 11, 0, started(), planned())
    second = stored(3, 22, 11, claimed())

    def test_is_folded_commit_by_commit(self) -> None:
        state = fold_thread(RunState("r"), LoadedThread(Head(3, 22), [self.first, self.second]))
        assert (state.head, state.rev, state.runnables[A].status) == (Head(3, 22), 3, "claimed")

    def test_is_continued_from_its_tail(self) -> None:
        state = fold_thread(RunState("r"), LoadedThread(Head(2, 11), [self.first]))
        again = fold_thread(state, LoadedThread(Head(3, 22), [self.second]))
        assert visible(again) == visible(folded(started(), planned(), claimed()))
        assert fold_thread(again, LoadedThread(Head(3, 22), [])).head == Head(3, 22)

    @pytest.mark.parametrize(
        ("head", "commits"),
        [
            (Head(4, 22), [first, stored(4, 22, 11, claimed())]),
            (Head(3, 22), [first, stored(2, 22, 11, claimed(), claimed(B))]),
            (Head(3, 22), [first, stored(3, 22, 99, claimed())]),
            (Head(3, 22), [second]),
            (Head(2, 11), [stored(1, 11, 0, started(), planned(), count=1)]),
            (Head(3, 11), [stored(1, 11, 0, started(), planned(), count=3)]),
            (Head(3, 22), [first]),
            (Head(2, 12), [first]),
            (Head(2, 11), []),
            (NO_HEAD, [first]),
        ],
    )
    def test_with_a_gap_or_a_foreign_commit_is_corrupt(self, head: Head, commits: list[StoredCommit]) -> None:
        with pytest.raises(Corrupt) as caught:
            fold_thread(RunState("r"), LoadedThread(head, commits))
        assert caught.value.details["run_id"] == "r"

    @pytest.mark.parametrize(
        "item",
        [
            '{"type":"attempt_heartbeat","at":3,"claims":5,"lease_until":9}',
            TWO_CLAIMS,
            '{"type":"attempt_released","at":3,"runnable_key":[],"claim_id":"c"}',
            '{"type":"nonsense',
        ],
    )
    def test_with_entries_that_cannot_be_folded_is_corrupt(self, item: str) -> None:
        count = item.count('"type"')
        bad = StoredCommit(3, count, 22, 11, f"[{item}]")
        with pytest.raises(Corrupt):
            fold_thread(RunState("r"), LoadedThread(bad.head, [self.first, bad]))

    def test_with_newer_entries_is_not_corrupt_but_unknown(self) -> None:
        newer = StoredCommit(3, 1, 22, 11, '[{"type":"run_teleported","at":3}]')
        with pytest.raises(UnknownVersion):
            fold_thread(RunState("r"), LoadedThread(newer.head, [self.first, newer]))


class TestAnySequence:
    @given(items=st.lists(entries, max_size=40))
    @THOROUGH
    def test_folds_without_an_error_and_always_to_the_same_state(self, items: list[Entry]) -> None:
        state = folded(*items)
        assert state.rev == len(items)
        assert visible(state) == visible(folded(*items))
        assert visible(state) == visible(folded(*decode_entries(encode_entries(items))))
        index_row(state)

    @QUICK
    @given(items=st.lists(entries, max_size=30), cut=st.integers(0, 30))
    def test_folds_in_parts_as_it_does_at_once(self, items: list[Entry], cut: int) -> None:
        state = folded(*items[:cut])
        state.wake_at()
        assert visible(fold(state, items[cut:])) == visible(folded(*items))

    @QUICK
    @given(items=st.lists(entries, max_size=30), more=st.lists(entries, max_size=20))
    def test_after_the_end_changes_nothing_of_the_end(self, items: list[Entry], more: list[Entry]) -> None:
        state = folded(started(), *items, RunTerminal(60, "completed"))
        before = visible(state)
        after = visible(fold(state, more))
        for name in ("rev", "last_at", "anomalies", "receipts", "received"):
            before.pop(name)
            after.pop(name)
        assert after == before

    @QUICK
    @given(items=st.lists(entries, max_size=30))
    def test_leaves_open_exactly_what_is_not_over(self, items: list[Entry]) -> None:
        state = folded(started(), *items)
        unfinished = {key for key, r in state.runnables.items() if r.status not in OVER}
        assert set(state.open) == unfinished
        assert all(runnable.deliveries >= 0 for runnable in state.runnables.values())

    @QUICK
    @given(items=st.lists(entries, max_size=30))
    def test_shares_nothing_with_its_entries(self, items: list[Entry]) -> None:
        text = encode_entries(items)
        folded(*items)
        assert encode_entries(items) == text
