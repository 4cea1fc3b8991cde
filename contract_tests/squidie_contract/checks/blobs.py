"""Texts that never change."""

from __future__ import annotations

from squidie_contract.checks.contract import StorageClauses
from squidie_contract.engine.appends import entries
from squidie_contract.engine.worlds import World
from squidie_core.ports.storage import Storage


class BlobsClauses(StorageClauses):
    """Blobs: B1 and B2."""

    def test_b1_blobs_are_kept_under_their_names(self, storage: Storage) -> None:
        storage.put_blob("one", '{"a":1}')
        storage.put_blob("two", "")
        assert storage.get_blobs(["two", "one", "gone"]) == {"one": '{"a":1}', "two": ""}
        assert storage.get_blobs([]) == {}

    def test_b1_blobs_stay_what_they_are(self, storage: Storage, world: World) -> None:
        storage.put_blob("one", "first")
        world.storage().put_blob("one", "second")
        assert storage.get_blobs(["one"]) == {"one": "first"}

    def test_b1_blobs_may_be_large(self, storage: Storage) -> None:
        large = entries("x" * 200_000) * 10
        storage.put_blob("large", large)
        assert storage.get_blobs(["large"]) == {"large": large}

    def test_b1_blobs_may_be_many(self, storage: Storage) -> None:
        for i in range(50):
            storage.put_blob(f"blob {i}", str(i))
        assert storage.get_blobs([f"blob {i}" for i in range(60)]) == {f"blob {i}": str(i) for i in range(50)}
