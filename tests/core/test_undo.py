"""Taking a draft back; any history of them is in test_model."""

from __future__ import annotations

import pytest

from squidie_core.decisions import Draft, fail, heartbeat
from squidie_core.decisions.draft import REVOCABLE_FROM
from tests.core.runs import LEASE, Run, failure, plan_of, retry, step, visible


def test_a_heartbeat_that_was_not_stored_renewed_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("squidie_core.decisions.draft.REVOCABLE_FROM", 1)
    run = Run(plan_of(step("walk")))
    run.claim()
    before = visible(run.state)
    draft = Draft(run.state, run.plan, run.now + LEASE // 2)
    assert heartbeat(draft, dict([run.claim_of("walk")]), 4 * LEASE) == set()
    assert run.state.wake_at() != before["wake_at"]
    assert draft.revoke()
    assert visible(run.state) == before


def test_a_retry_that_was_not_stored_hides_nothing_behind_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same retry is planned later than it would have been: what is due between the two comes first."""
    monkeypatch.setattr("squidie_core.decisions.draft.REVOCABLE_FROM", 1)
    run = Run(plan_of(*(step(name, retry=retry(2)) for name in ("left", "right"))))
    run.claim()
    draft = Draft(run.state, run.plan, run.now)
    assert fail(draft, *run.claim_of("left"), failure(), retry_after=1_000)
    assert draft.revoke()
    run.fail("right", retry_after=2_000)
    run.fail("left", retry_after=3_000)
    assert run.state.wake_at() == run.now + 2_000
    assert run.later(2_000).claim() == ["right"]


def test_a_short_run_is_loaded_again_instead() -> None:
    run = Run(plan_of(step("walk")))
    assert run.state.rev < REVOCABLE_FROM
    draft = Draft(run.state, run.plan, run.now)
    assert draft.revoke(), "nothing was decided"
    run.claim()
    draft = Draft(run.state, run.plan, run.now)
    heartbeat(draft, dict([run.claim_of("walk")]), LEASE)
    assert not draft.revoke()
