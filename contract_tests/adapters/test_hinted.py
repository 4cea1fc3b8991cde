"""A storage with due hints in Redis is a storage."""

from __future__ import annotations

from adapters.harnesses.hinted import HintedSqliteHarness
from squidie_contract import StorageContract


class TestSqliteWithDueHints(StorageContract):
    harness = HintedSqliteHarness
