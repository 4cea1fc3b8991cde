"""Every broken adapter that ships with the suite is rejected by the clause that it breaks."""

from __future__ import annotations

from squidie_contract.selftest import TestMutants

__all__ = ["TestMutants"]
