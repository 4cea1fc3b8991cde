"""What a step's markers mean."""

from __future__ import annotations

from typing import Any

import pytest

from squidie_core.definition.recovery import recovery_policy
from tests.core.runs import step


@pytest.mark.parametrize(
    ("options", "safe"),
    [({}, True), ({"compensate": "m.undo"}, True), ({"irreversible": True}, False), ({"compensatable": False}, False)],
    ids=repr,
)
def test_what_cannot_be_undone_is_not_repeated_unseen(options: dict[str, Any], *, safe: bool) -> None:
    policy = recovery_policy(step("toss", **options))
    assert (policy.compensatable, policy.irreversible) == (safe, options.get("irreversible", False))
    assert policy.replay == ("allowed" if safe else "manual_review_required")
    assert policy.recovery == ("automatic" if safe else "manual_intervention")
    assert policy.compensate == options.get("compensate")
