"""Every broken adapter that ships with the suite is rejected by the clause that it breaks."""

from __future__ import annotations

import pytest

from squidie_contract.selftest import TestMutants

__all__ = ["TestMutants"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),  # each runs the suite on a room of mutants
]
