"""Our lease backends keep the contract."""

from __future__ import annotations

from adapters.harnesses.memory import MemoryHarness
from squidie_contract import LeaseContract


class TestMemoryLeases(LeaseContract):
    harness = MemoryHarness
