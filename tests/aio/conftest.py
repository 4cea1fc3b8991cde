"""The stores that the twins are tested on: those of the runtime's tests."""

from __future__ import annotations

from tests.runtime.conftest import memory, migrated_url, shared_store, store

__all__ = ["memory", "migrated_url", "shared_store", "store"]
