"""What a step's markers mean."""

from __future__ import annotations

import pytest

from squidie_core.definition.recovery import RecoveryPolicy, recovery_policy
from tests.core.runs import step


@pytest.mark.parametrize(
    ("options", "policy"),
    [
        ({}, RecoveryPolicy(False, True, "allowed", "automatic")),
        ({"compensate": "m.undo"}, RecoveryPolicy(False, True, "allowed", "automatic", "m.undo")),
        ({"irreversible": True}, RecoveryPolicy(True, False, "manual_review_required", "manual_intervention")),
        ({"compensatable": False}, RecoveryPolicy(False, False, "manual_review_required", "manual_intervention")),
    ],
    ids=["plain", "compensate", "irreversible", "not compensatable"],
)
def test_what_cannot_be_undone_is_not_repeated_unseen(options: dict[str, object], policy: RecoveryPolicy) -> None:
    assert recovery_policy(step("toss", **options)) == policy
